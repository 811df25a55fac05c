#include "tests/integration/daemon_caller.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace spillway {
namespace {

constexpr std::size_t kChannels = 4;

}  // namespace

DaemonCaller::DaemonCaller(const std::string& address) {
  for (std::size_t i = 0; i < kChannels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("spillway.test.channel", static_cast<int>(i));  // no sharing of connections
    stubs_.push_back(v1::Egress::NewStub(
        grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments)));
  }
}

std::uint64_t DaemonCaller::GetMany(const std::string& url, const std::string& body,
                                    std::uint64_t requests, std::uint32_t callers) {
  std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> good = 0;
  const auto call = [&](std::size_t caller) {
    while (next.fetch_add(1) < requests) {
      v1::HttpRequest request;
      request.set_url(url);
      v1::HttpResponse response;
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
      context.set_wait_for_ready(true);
      const grpc::Status status =
          stubs_[caller % stubs_.size()]->RoundTrip(&context, request, &response);
      if (status.ok() && response.status() == 200 && response.body() == body) ++good;
    }
  };
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < callers; ++i) threads.emplace_back(call, i);
  for (std::thread& thread : threads) thread.join();
  return good;
}

}  // namespace spillway
