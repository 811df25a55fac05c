#include "tests/ledger/daemon_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <thread>
#include <utility>

#include "tests/ledger/wire_entry.h"

namespace spillway {
namespace {

constexpr std::size_t kChannels = 4;

}  // namespace

DaemonLoadClient::DaemonLoadClient(const std::string& daemon_address, std::uint16_t origin_port,
                                   std::string denied_address)
    : origin_("127.0.0.1:" + std::to_string(origin_port)), denied_(std::move(denied_address)) {
  for (std::size_t i = 0; i < kChannels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("spillway.test.channel", static_cast<int>(i));  // no sharing of connections
    stubs_.push_back(v1::Egress::NewStub(
        grpc::CreateCustomChannel(daemon_address, grpc::InsecureChannelCredentials(), arguments)));
  }
}

CallerEntry DaemonLoadClient::Send(const LoadRequest& load) {
  CallerEntry entry = EntryOf(load);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       (load.deadline_us.has_value()
                            ? std::chrono::microseconds(*load.deadline_us + 2000)
                            : std::chrono::microseconds(std::chrono::seconds(60))));
  const v1::HttpRequest request = MakeWireRequest(load, load.denied ? denied_ : origin_);
  v1::HttpResponse response;
  std::thread canceller;
  if (load.cancel_after_yields.has_value()) {
    canceller = std::thread([&] {
      for (std::uint32_t i = 0; i < *load.cancel_after_yields; ++i) std::this_thread::yield();
      context.TryCancel();
    });
  }
  const std::size_t channel = Digest(load.id) % stubs_.size();
  const grpc::Status status = stubs_[channel]->RoundTrip(&context, request, &response);
  if (canceller.joinable()) canceller.join();
  entry.ends = 1;
  if (status.ok()) {
    FillResponse(entry, response);
  } else {
    google::rpc::Status rich;
    if (!rich.ParseFromString(status.error_details())) rich.Clear();
    rich.set_code(status.error_code());
    FillFailure(entry, rich);
  }
  return entry;
}

}  // namespace spillway
