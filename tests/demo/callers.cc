#include "tests/demo/callers.h"

#include <grpcpp/grpcpp.h>

#include <latch>
#include <memory>
#include <thread>
#include <utility>

#include "spillway/v1/egress.grpc.pb.h"

namespace spillway::demo {
namespace {

constexpr std::chrono::seconds kDeadline(10);

Outcome Send(spillway::v1::Egress::Stub& stub, const spillway::v1::HttpRequest& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  context.set_wait_for_ready(true);
  Outcome outcome;
  const grpc::Status status = stub.RoundTrip(&context, request, &outcome.response);
  outcome.ok = status.ok();
  if (!outcome.ok) {
    outcome.error = "gRPC code " + std::to_string(static_cast<int>(status.error_code())) + ": " +
                    status.error_message();
  }
  return outcome;
}

std::shared_ptr<grpc::Channel> OwnChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  // Channels to one address share a connection otherwise.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

CallersResult RunCallers(const std::string& address, const std::string& url, int callers,
                         int each) {
  CallersResult result;
  result.outcomes.resize(static_cast<std::size_t>(callers));
  std::latch start(callers + 1);
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      const std::shared_ptr<grpc::Channel> channel = OwnChannel(address);
      const auto stub = spillway::v1::Egress::NewStub(channel);
      channel->WaitForConnected(std::chrono::system_clock::now() + kDeadline);
      std::vector<Outcome>& mine = result.outcomes[static_cast<std::size_t>(caller)];
      spillway::v1::HttpRequest request;
      spillway::v1::Header* header = request.add_headers();
      header->set_name("User-Agent");
      header->set_value("demo-caller/" + std::to_string(caller + 1));
      start.arrive_and_wait();
      for (int i = 0; i < each; ++i) {
        request.set_url(url + "?caller=" + std::to_string(caller + 1) +
                        "&request=" + std::to_string(i + 1));
        mine.push_back(Send(*stub, request));
        if (!mine.back().ok) break;  // the check fails anyway; nobody should wait for the rest
      }
    });
  }
  start.arrive_and_wait();
  const auto begun = std::chrono::steady_clock::now();
  for (std::thread& thread : threads) thread.join();
  result.took = std::chrono::steady_clock::now() - begun;
  return result;
}

}  // namespace spillway::demo
