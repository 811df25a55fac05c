// A front in this process with a scripted transport behind it, and a client in front.
//
// Thread safety: none; one test's own.

#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "google/rpc/status.pb.h"
#include "server/egress_service.h"
#include "server/front.h"
#include "spillway/v1/egress.grpc.pb.h"
#include "tests/server/fake_transport.h"
#include "transport/base/check.h"

namespace spillway {

// What the gRPC side was seen to do.
class CountingObserver final : public CallObserver {
 public:
  void OnCallStarted(std::string_view method) override {
    const MutexLock lock(mutex_);
    started_.emplace_back(method);
  }
  void OnCallEnded(std::string_view method, std::string_view status, Duration /*took*/) override {
    const MutexLock lock(mutex_);
    ended_.push_back(std::string(method) + " " + std::string(status));
  }
  std::vector<std::string> started() const {
    const MutexLock lock(mutex_);
    return started_;
  }
  std::vector<std::string> ended() const {
    const MutexLock lock(mutex_);
    return ended_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::string> started_ SPILLWAY_GUARDED_BY(mutex_);
  std::vector<std::string> ended_ SPILLWAY_GUARDED_BY(mutex_);
};

inline std::string TempPath(const std::string& name) {
  // A Unix socket's path may have 107 bytes, which Bazel's folder can exceed.
  static const std::string short_folder = [] {
    std::string pattern = "/tmp/spillway-test-XXXXXX";
    SPILLWAY_CHECK(mkdtemp(pattern.data()) != nullptr);
    return pattern;
  }();
  return short_folder + "/" + name;
}

inline Listener OpenListener(const std::string& address, mode_t mode = 0600) {
  const Result<ListenAddress> parsed = ParseListenAddress(address, "address");
  SPILLWAY_CHECK(parsed.has_value());
  Result<Listener> listener = Listener::Open(*parsed, "--test", mode);
  SPILLWAY_CHECK(listener.has_value());
  return std::move(*listener);
}

inline std::unique_ptr<Front> StartFront(FrontOptions options) {
  Result<std::unique_ptr<Front>> front = Front::Start(std::move(options));
  SPILLWAY_CHECK(front.has_value());
  return std::move(*front);
}

inline std::shared_ptr<grpc::Channel> Connect(const std::string& target) {
  grpc::ChannelArguments arguments;
  // Otherwise channels of one process to one address share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

inline v1::EgressError ErrorIn(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  v1::EgressError error;
  if (details.details_size() == 1) {
    EXPECT_TRUE(details.details(0).UnpackTo(&error));
  } else {
    ADD_FAILURE() << "no EgressError in: " << status.error_message();
  }
  return error;
}

class FrontFixture {
 public:
  // The ledger once the last call is over, which is a moment after its caller heard of it.
  CallLedger SettledLedger() const {
    while (admission.ledger().running > 0) std::this_thread::yield();
    return admission.ledger();
  }

  explicit FrontFixture(FakeTransport::Script script, AdmissionLimits admission_limits = {},
                        FrontLimits limits = {})
      : transport(std::move(script)),
        admission(admission_limits),
        service({.transport = &transport,
                 .admission = &admission,
                 .observer = &observer,
                 .max_response_bytes = limits.max_response_bytes}) {
    limits.max_connections = 100;
    FrontOptions options;
    options.listeners.push_back(OpenListener("127.0.0.1:0"));
    target = options.listeners.front().address().Text();
    options.services = {{EgressService::kName, &service}};
    options.limits = limits;
    front = StartFront(std::move(options));
    channel = Connect(target);
    stub = v1::Egress::NewStub(channel);
  }
  ~FrontFixture() {
    transport.Shutdown();
    front->Shutdown(std::chrono::milliseconds(100));
  }

  grpc::Status RoundTrip(const v1::HttpRequest& request, v1::HttpResponse& response,
                         Duration deadline = std::chrono::seconds(30)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::microseconds>(deadline));
    return stub->RoundTrip(&context, request, &response);
  }

  FakeTransport transport;
  Admission admission;
  CountingObserver observer;
  EgressService service;
  std::string target;
  std::unique_ptr<Front> front;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Egress::Stub> stub;
};

inline v1::HttpRequest Get(const std::string& url = "http://origin.example/") {
  v1::HttpRequest request;
  request.set_url(url);
  return request;
}

}  // namespace spillway
