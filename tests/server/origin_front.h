// A front in this process over the real transport, and a client in front.
//
// Thread safety: none; one test's own.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "tests/server/front_fixture.h"
#include "transport/base/policy.h"
#include "transport/transport.h"

namespace spillway {

class OriginFront {
 public:
  explicit OriginFront(Destination destination = {}, AdmissionLimits limits = {})
      : admission(limits), transport(MakeTransport(std::move(destination))) {
    service = std::make_unique<EgressService>(CallContext{
        .transport = transport.get(),
        .admission = &admission,
        .observer = &observer,
        .max_response_bytes = FrontLimits().max_response_bytes,
    });
    FrontOptions options;
    options.limits.max_connections = 100;
    options.listeners.push_back(OpenListener("127.0.0.1:0"));
    const std::string target = options.listeners.front().address().Text();
    options.services = {{EgressService::kName, service.get()}};
    front = StartFront(std::move(options));
    stub = v1::Egress::NewStub(Connect(target));
  }
  ~OriginFront() {
    transport->Shutdown();
    front->Shutdown(std::chrono::milliseconds(100));
  }

  // The ledger once the last call is over, which is a moment after its caller heard of it.
  CallLedger SettledLedger() const {
    while (admission.ledger().running > 0) std::this_thread::yield();
    return admission.ledger();
  }

  Admission admission;
  CountingObserver observer;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<EgressService> service;
  std::unique_ptr<Front> front;
  std::unique_ptr<v1::Egress::Stub> stub;

 private:
  static std::unique_ptr<Transport> MakeTransport(Destination destination) {
    auto policy = Policy::Build(1, {}, std::move(destination), RequestFieldLimits());
    SPILLWAY_CHECK(policy.has_value());
    TransportOptions options;
    options.policy = *policy;
    options.limits.loops = 1;
    options.limits.max_connections = 2000;
    return Transport::Create(std::move(options));
  }
};

}  // namespace spillway
