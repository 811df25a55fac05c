#include "tests/ledger/stream_load_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>
#include <utility>

#include "tests/ledger/faults.h"
#include "tests/ledger/wire_entry.h"

namespace spillway {
namespace {

constexpr std::size_t kChannels = 4;
constexpr std::uint64_t kLargeBody = 300'000;
constexpr std::uint64_t kSmallBody = 6'000;
constexpr std::size_t kMaxFrame = 64 * 1024;
// Pieces of one body, about.
constexpr std::size_t kPieces = 8;

// One call, from its head to its status.
class Exchange {
 public:
  Exchange(v1::Egress::Stub& stub, const LoadRequest& load, const StreamShape& shape)
      : load_(load), shape_(shape) {
    if (load.deadline_us.has_value()) {
      context_.set_deadline(std::chrono::system_clock::now() +
                            std::chrono::microseconds(*load.deadline_us + 2000));
    } else {
      context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    }
    // Half of the cancels come at a frame, the others at any moment.
    if (load.cancel_after_yields.has_value() && *load.cancel_after_yields % 2 == 0) {
      cancel_at_frame_ = *load.cancel_after_yields / 2 % (2 * kPieces);
    }
    rpc_ = stub.Stream(&context_);
  }

  CallerEntry Run(v1::HttpRequest head, CallerEntry entry) {
    std::thread canceller;
    if (load_.cancel_after_yields.has_value() && !cancel_at_frame_.has_value()) {
      canceller = std::thread([&] {
        for (std::uint32_t i = 0; i < *load_.cancel_after_yields; ++i) std::this_thread::yield();
        context_.TryCancel();
      });
    }
    Upload(std::move(head));
    Download();
    const grpc::Status status = rpc_->Finish();
    if (canceller.joinable()) canceller.join();
    Tell(entry, status);
    return entry;
  }

 private:
  // A frame went or came.
  void Count() {
    if (cancel_at_frame_ == frames_++) context_.TryCancel();
  }

  std::string_view NextPiece(std::string_view& left, std::uint64_t index) const {
    const std::size_t draw = static_cast<std::size_t>(Draw(shape_.draw, "", index));
    const std::size_t size = std::min(left.size(), 1 + draw % shape_.largest_piece);
    const std::string_view piece = left.substr(0, size);
    left.remove_prefix(size);
    return piece;
  }

  void Upload(v1::HttpRequest head) {
    std::string_view left = shape_.body;
    std::uint64_t index = 0;
    if (shape_.piece_in_head) head.set_body(std::string(NextPiece(left, index++)));
    v1::StreamRequest frame;
    *frame.mutable_head() = std::move(head);
    bool open = rpc_->Write(frame);
    while (open && !left.empty()) {
      Count();
      frame.set_data(std::string(NextPiece(left, index++)));
      open = rpc_->Write(frame);
    }
    if (open) rpc_->WritesDone();
  }

  void Download() {
    v1::StreamResponse frame;
    while (rpc_->Read(&frame)) {
      Count();
      misplaced_ = misplaced_ || ended_;
      if (frame.has_head()) {
        misplaced_ = misplaced_ || response_.status() != 0;
        response_.Swap(frame.mutable_head());
      } else if (frame.has_data()) {
        misplaced_ = misplaced_ || response_.status() == 0;
        response_.mutable_body()->append(frame.data());
      } else if (frame.has_trailers()) {
        misplaced_ = misplaced_ || response_.status() == 0;
        ended_ = true;
        response_.mutable_exchange()->Swap(frame.mutable_trailers()->mutable_exchange());
      }
    }
  }

  void Tell(CallerEntry& entry, const grpc::Status& status) {
    entry.ends = 1;
    const std::string wanted = ResponseBodyOf(entry.id, shape_.response_bytes);
    if (response_.status() == 200) {
      entry.foreign_bytes = misplaced_ || !wanted.starts_with(response_.body());
    }
    if (!status.ok()) {
      google::rpc::Status rich;
      if (!rich.ParseFromString(status.error_details())) rich.Clear();
      rich.set_code(status.error_code());
      return FillFailure(entry, rich);
    }
    FillResponse(entry, response_);
    entry.response_body_right = response_.body() == wanted && ended_;
    // Without its last frame a response was cut, and a cut one is no success.
    if (!ended_) ++entry.ends;
  }

  const LoadRequest& load_;
  const StreamShape& shape_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>> rpc_;
  std::optional<std::uint64_t> cancel_at_frame_;
  std::uint64_t frames_ = 0;
  v1::HttpResponse response_;
  bool ended_ = false;
  bool misplaced_ = false;
};

}  // namespace

StreamShape ShapeOf(const LoadRequest& load) {
  StreamShape shape;
  const std::uint64_t draw = Draw(0, load.id, 31);
  const auto size = [&](std::uint64_t salt) {
    const std::uint64_t one = Draw(0, load.id, salt);
    return (one >> 8U) % (one % 16 == 0 ? kLargeBody : kSmallBody);
  };
  if (!load.body.empty()) shape.body = ResponseBodyOf(load.body, 1 + size(32));
  shape.response_bytes = 1 + size(33);
  shape.length_known = draw % 2 == 0 || load.body.empty();
  shape.piece_in_head = !load.body.empty() && (draw >> 1U) % 2 == 0;
  shape.largest_piece =
      std::min(kMaxFrame, 1 + 2 * shape.body.size() / (1 + (draw >> 8U) % kPieces));
  shape.draw = draw;
  return shape;
}

StreamLoadClient::StreamLoadClient(const std::string& daemon_address, std::uint16_t origin_port,
                                   std::string denied_address)
    : origin_("127.0.0.1:" + std::to_string(origin_port)), denied_(std::move(denied_address)) {
  for (std::size_t i = 0; i < kChannels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("spillway.test.channel", static_cast<int>(i));  // no sharing of connections
    stubs_.push_back(v1::Egress::NewStub(
        grpc::CreateCustomChannel(daemon_address, grpc::InsecureChannelCredentials(), arguments)));
  }
}

CallerEntry StreamLoadClient::Send(const LoadRequest& load) {
  const StreamShape shape = ShapeOf(load);
  CallerEntry entry = EntryOf(load);
  entry.body_digest = Digest(shape.body);
  v1::HttpRequest head = MakeWireRequest(load, load.denied ? denied_ : origin_);
  head.clear_body();
  head.set_url(head.url() + "?" + std::to_string(shape.response_bytes));
  if (shape.length_known) head.set_content_length(shape.body.size());
  Exchange exchange(*stubs_[Digest(load.id) % stubs_.size()], load, shape);
  return exchange.Run(std::move(head), std::move(entry));
}

}  // namespace spillway
