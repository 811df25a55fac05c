// One large body over Stream, down or up: a GET whose body is read and dropped, or a PUT of as many
// bytes as asked for.
//
// Frames are sent as they were encoded once and looked at without a parser, so that the load costs
// little beside what it measures. Works for any server of the contract. Prints one JSON object; a
// response that is not whole or no 2xx ends it with an error.

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "absl/synchronization/mutex.h"
#include "spillway/v1/egress.pb.h"

namespace spillway {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kFrame = 64 * 1024;
// Tags of StreamResponse and StreamRequest: field number and length-delimited.
constexpr unsigned char kHeadTag = 2 << 3 | 2;
constexpr unsigned char kDataTag = 3 << 3 | 2;
constexpr unsigned char kTrailersTag = 4 << 3 | 2;

struct Options {
  std::string target;
  std::string url;
  bool up = false;
  std::uint64_t bytes = 1 << 30;
};

grpc::ByteBuffer Encode(const v1::StreamRequest& frame) {
  const grpc::Slice slice(frame.SerializeAsString());
  return {&slice, 1};
}

class Exchange final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Exchange(const Options& options) : left_(options.up ? options.bytes : 0) {
    v1::StreamRequest head;
    v1::HttpRequest& request = *head.mutable_head();
    request.set_method(options.up ? "PUT" : "GET");
    request.set_url(options.url);
    request.set_content_length(left_);
    head_ = Encode(head);
    v1::StreamRequest data;
    data.set_data(std::string(kFrame, 'x'));
    data_ = Encode(data);
    data.set_data(std::string(left_ % kFrame, 'x'));
    last_ = Encode(data);
  }

  void Start(grpc::GenericStub& stub) {
    stub.PrepareBidiStreamingCall(&context_, "/spillway.v1.Egress/Stream", {}, this);
    StartRead(&incoming_);
    StartWrite(&head_);
    StartCall();
  }
  grpc::Status Await() { return ended_.get_future().get(); }

  std::uint32_t status() const { return status_; }
  std::uint64_t received() const { return received_; }
  bool whole() const { return trailers_ == 1; }

  void OnWriteDone(bool ok) override {
    if (!ok) return;
    if (left_ == 0) return StartWritesDone();
    const bool full = left_ >= kFrame;
    left_ -= full ? kFrame : left_;
    StartWrite(full ? &data_ : &last_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    Look();
    StartRead(&incoming_);
  }
  void OnDone(const grpc::Status& status) override { ended_.set_value(status); }

 private:
  // A data frame is its tag, its length and its bytes; a head is small and parsed.
  void Look() {
    grpc::Slice first;
    if (!incoming_.TrySingleSlice(&first).ok() && !incoming_.DumpToSingleSlice(&first).ok()) return;
    const std::uint8_t* bytes = first.begin();
    if (first.size() == 0) return;
    if (bytes[0] == kTrailersTag) ++trailers_;
    if (bytes[0] == kDataTag) {
      std::size_t prefix = 1;
      while (prefix < first.size() && bytes[prefix] >= 0x80) ++prefix;
      received_ += first.size() - prefix - 1;
    }
    if (bytes[0] == kHeadTag) {
      v1::StreamResponse frame;
      if (!frame.ParseFromArray(bytes, static_cast<int>(first.size()))) return;
      status_ = frame.head().status();
      received_ += frame.head().body().size();
    }
  }

  grpc::ClientContext context_;
  grpc::ByteBuffer head_;
  grpc::ByteBuffer data_;
  grpc::ByteBuffer last_;
  grpc::ByteBuffer incoming_;
  std::uint64_t left_;
  std::uint64_t received_ = 0;
  std::uint32_t status_ = 0;
  int trailers_ = 0;
  std::promise<grpc::Status> ended_;
};

int Run(const Options& options) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const auto channel = grpc::CreateChannel(options.target, grpc::InsecureChannelCredentials());
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
    std::fprintf(stderr, "stream: cannot reach %s\n", options.target.c_str());
    return EXIT_FAILURE;
  }
  grpc::GenericStub stub(channel);
  Exchange exchange(options);
  const Clock::time_point begun = Clock::now();
  exchange.Start(stub);
  const grpc::Status status = exchange.Await();
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  const bool good = status.ok() && exchange.whole() && exchange.status() / 100 == 2 &&
                    (options.up || exchange.received() == options.bytes);
  if (!good) {
    std::fprintf(stderr, "stream: status %u, %llu bytes, %s; %s\n", exchange.status(),
                 static_cast<unsigned long long>(exchange.received()),
                 exchange.whole() ? "whole" : "cut", status.error_message().c_str());
    return EXIT_FAILURE;
  }
  std::printf("{\"bytes\": %llu, \"seconds\": %.4f}\n",
              static_cast<unsigned long long>(options.bytes), seconds);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  spillway::Options options;
  CLI::App app("Carries one large body over Stream.");
  app.add_option("--target", options.target, "gRPC address")->required();
  app.add_option("--url", options.url, "where the body is or goes")->required();
  app.add_flag("--up", options.up, "PUT a body; else GET one");
  app.add_option("--bytes", options.bytes, "its size")->required();
  CLI11_PARSE(app, argc, argv);
  return spillway::Run(options);
}
