// Holds the frames of Stream to protobuf's generated codec, and their order to its rules.
//
// The first byte chooses. Even: the rest is a StreamRequest message, cut into slices at places that
// the byte chooses; both decoders must agree, and what it says is sent back as each kind of
// response frame. Odd: the rest is a course of events, whatever a caller, gRPC and an origin may
// do; the machine's answers must keep the promises of its header.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/stream_machine.h"
#include "server/wire_stream_decode.h"
#include "server/wire_stream_encode.h"
#include "spillway/v1/egress.pb.h"
#include "tests/fuzz/wire_checks.h"

namespace spillway {
namespace {

// --- Frames ---

void RequireSame(const WireStreamRequest& ours, const v1::StreamRequest& theirs) {
  switch (theirs.frame_case()) {
    case v1::StreamRequest::FRAME_NOT_SET:
      REQUIRE(ours.kind == FrameKind::kNone);
      break;
    case v1::StreamRequest::kHead:
      // tests/fuzz/wire_fuzz.cc compares every field.
      REQUIRE(ours.kind == FrameKind::kHead);
      REQUIRE(ours.head->method == theirs.head().method());
      REQUIRE(ours.head->url == theirs.head().url());
      REQUIRE(ours.head->body.Flatten() == theirs.head().body());
      REQUIRE(ours.head->content_length.has_value() == theirs.head().has_content_length());
      REQUIRE(ours.head->options.max_redirects == theirs.head().options().max_redirects());
      break;
    case v1::StreamRequest::kData:
      REQUIRE(ours.kind == FrameKind::kData);
      REQUIRE(ours.data.Flatten() == theirs.data());
      break;
    case v1::StreamRequest::kTrailers:
      REQUIRE(ours.kind == FrameKind::kTrailers);
      REQUIRE(ours.too_many_fields || SameHeaders(ours.trailers, theirs.trailers().headers()));
      break;
  }
}

// The response frames that say what a request frame said.
void RequireEncoding(const WireStreamRequest& request) {
  ResponseHead head;
  head.status = static_cast<std::uint32_t>(request.data.size());
  Body body = request.data;
  HeaderList trailers = request.trailers;
  if (request.head.has_value()) {
    head.headers = request.head->headers;
    head.reason = request.head->request_target;
    body = request.head->body;
    trailers = request.head->trailers;
  }
  RoundTripRecord record;
  record.destination = std::make_shared<const std::string>("somewhere");
  record.attempts = head.status;
  const HeaderList no_fields;
  const std::vector<ResponseHead> no_heads;
  v1::Exchange exchange;
  exchange.set_attempts(record.attempts);
  exchange.mutable_timings();
  exchange.set_destination("somewhere");

  v1::StreamResponse wanted;
  grpc::ByteBuffer frame;
  wanted.mutable_informational()->set_status(head.status);
  SetHeaders(head.headers, *wanted.mutable_informational()->mutable_headers());
  EncodeInformationalFrame(head, frame);
  REQUIRE(TextOf(frame) == wanted.SerializeAsString());

  WireResponse wire;
  wire.head = &head;
  wire.body = &body;
  wire.trailers = &no_fields;
  wire.protocol = "HTTP/1.1";
  wire.record = &record;
  wire.informational = &no_heads;
  wanted.mutable_head()->set_status(head.status);
  SetHeaders(head.headers, *wanted.mutable_head()->mutable_headers());
  wanted.mutable_head()->set_body(body.Flatten());
  wanted.mutable_head()->set_protocol("HTTP/1.1");
  wanted.mutable_head()->set_reason(head.reason);
  *wanted.mutable_head()->mutable_exchange() = exchange;
  EncodeHeadFrame(wire, frame);
  REQUIRE(TextOf(frame) == wanted.SerializeAsString());

  wanted.set_data(body.Flatten());
  EncodeDataFrame(body, frame);
  REQUIRE(TextOf(frame) == wanted.SerializeAsString());

  SetHeaders(trailers, *wanted.mutable_trailers()->mutable_headers());
  EncodeTrailersFrame(trailers, nullptr, {}, frame);
  REQUIRE(TextOf(frame) == wanted.SerializeAsString());
  *wanted.mutable_trailers()->mutable_exchange() = exchange;
  EncodeTrailersFrame(trailers, &record, {}, frame);
  REQUIRE(TextOf(frame) == wanted.SerializeAsString());
}

void TryFrame(std::string_view bytes, unsigned step) {
  v1::StreamRequest theirs;
  const bool theirs_ok = theirs.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  WireStreamRequest ours;
  const bool ours_ok = DecodeStreamRequest(Cut(bytes, step), ours);
  if (ours.exchange) return;  // is refused unread, so what it holds may be anything
  REQUIRE(ours_ok == theirs_ok);
  if (!ours_ok) return;
  RequireSame(ours, theirs);
  if (!ours.head.has_value() || !ours.head->too_many_fields) RequireEncoding(ours);
}

// --- Order ---

constexpr std::uint64_t kBuffer = 100;
constexpr std::uint64_t kOverhead = 3;  // of every piece

// What a call and its surroundings know, told by the machine's answers alone.
class World {
 public:
  void Do(std::uint8_t what, std::uint8_t size) {
    switch (what % 16) {
      case 0:
      case 1:
        return Frame([&] { return HeadFrame(what, size); });
      case 2:
      case 3:
      case 4:
        return Frame([&] { return DataFrame(size); });
      case 5:
        return Frame([&] { return machine_.OnTrailersFrame(); });
      case 6:
        return Frame([&] {
          half_closed_ = true;
          return machine_.OnHalfClose();
        });
      case 7:
        return Frame([&] { return machine_.OnFault(BadRequest("frame", "")); });
      case 8:
        gone_ = true;
        return Check(machine_.OnCallerGone());
      case 9:
        if (probing_) Check(machine_.OnProbeOver());
        return;
      case 10:
      case 11:
        return Pull(size);
      case 12:
      case 13:
        return Respond(size);
      case 14:
        return Written(size != 0);
      case 15:
        return Over();
      default:
        return;
    }
  }
  void Open() { Check(machine_.OnOpen()); }

  // Whatever happened: once the caller is gone and all that runs has ended, the call ends.
  void End() {
    gone_ = true;
    Check(machine_.OnCallerGone());
    Over();
    Written(false);
    REQUIRE(finished_);
    REQUIRE(!started_ || over_);
  }

 private:
  using Todo = StreamMachine::Todo;

  template <typename Event>
  void Frame(Event event) {
    if (!reading_ || half_closed_) return;
    reading_ = false;
    Check(event());
  }
  Todo HeadFrame(std::uint8_t what, std::uint8_t size) {
    StreamPlan plan;
    if (what & 0x10) plan.length = size;
    if (what & 0x20) plan.first_piece = size / 2;
    plan.tunnel = (what & 0x40) != 0;
    plan.expect_continue = (what & 0x80) != 0;
    if (machine_.awaits_head()) length_ = plan.length;
    pushing_ = plan.first_piece;
    weight_ = plan.first_weight = plan.first_piece == 0 ? 0 : plan.first_piece + kOverhead;
    return machine_.OnHeadFrame(plan, kBuffer);
  }
  Todo DataFrame(std::uint8_t size) {
    pushing_ = size;
    weight_ = size == 0 ? 0 : size + kOverhead;
    return machine_.OnDataFrame(size, weight_);
  }
  void Pull(std::uint8_t size) {
    if (!started_ || over_) return;
    const std::uint64_t bytes = size < in_ ? size : in_;
    in_ -= bytes;
    Check(machine_.OnPulled(bytes));
  }
  void Respond(std::uint8_t size) {
    if (!machine_.wants_response()) return;
    REQUIRE(started_ && !over_ && !gone_);
    queue_.push_back(size);
    out_ += size;
    const Todo todo = machine_.OnFrameQueued(size);
    REQUIRE(todo.pause == (out_ > kBuffer));
    paused_ = paused_ || todo.pause;
    Check(todo);
  }
  void Written(bool ok) {
    if (!writing_) return;
    writing_ = false;
    const std::uint64_t bytes = written_;
    out_ -= out_ < bytes ? out_ : bytes;
    gone_ = gone_ || !ok;
    Check(machine_.OnWriteDone(ok, bytes, queue_.empty()));
  }
  void Over() {
    if (!started_ || over_) return;
    over_ = true;
    Check(machine_.OnExchangeOver(queue_.empty()));
  }

  void Check(const Todo& todo) {
    REQUIRE(!finished_ || !(todo.probe || todo.push || todo.end_body || todo.fail_body ||
                            todo.start != StreamMachine::Start::kNo || todo.cancel || todo.resume ||
                            todo.read || todo.write || todo.finish));
    CheckBody(todo);
    if (todo.cut_off) REQUIRE(gone_ && over_);
    if (todo.start != StreamMachine::Start::kNo) {
      REQUIRE(!started_ && !gone_ && !machine_.failure().has_value());
      started_ = true;
      if (todo.start == StreamMachine::Start::kWhole) {
        REQUIRE(half_closed_ && !length_.has_value());
        in_ = 0;
      }
      REQUIRE(todo.start != StreamMachine::Start::kNoBody || in_ == 0);
    }
    probing_ = (probing_ || todo.probe) && !started_;
    if (todo.cancel) REQUIRE(started_ && !over_ && !std::exchange(cancelled_, true));
    if (todo.drop) {
      queue_.clear();
      out_ = writing_ ? out_ : 0;
    }
    if (todo.resume) REQUIRE(std::exchange(paused_, false) && out_ <= kBuffer / 2 && !over_);
    if (todo.read) {
      REQUIRE(!reading_ && !half_closed_ && in_ < kBuffer && !gone_);
      reading_ = true;
    }
    if (todo.write) {
      REQUIRE(!writing_ && !queue_.empty() && !gone_);
      writing_ = true;
      written_ = queue_.front();
      queue_.erase(queue_.begin());
      if (queue_.empty() && machine_.OnLastWrite()) {
        REQUIRE(over_ && !finished_);
        finished_ = true;
        writing_ = false;
        return;
      }
    }
    if (todo.refuse) REQUIRE(!started_ && todo.finish);
    if (todo.finish) {
      REQUIRE(!finished_ && !writing_ && queue_.empty() && started_ == over_);
      finished_ = true;
    }
  }
  void CheckBody(const Todo& todo) {
    if (todo.push) {
      REQUIRE(!ended_ && !failed_ && !half_closed_ && !gone_);
      in_ += weight_;
      received_ += pushing_;
      REQUIRE(!length_.has_value() || received_ <= *length_);
    }
    if (todo.end_body) {
      REQUIRE(!ended_ && !failed_ && half_closed_ && !gone_ && !machine_.failure().has_value());
      REQUIRE(!length_.has_value() || received_ == *length_);
      ended_ = true;
    }
    if (todo.fail_body) {
      REQUIRE(gone_ || machine_.failure().has_value());
      failed_ = true;
    }
  }

  StreamMachine machine_;
  std::optional<std::uint64_t> length_;
  std::vector<std::uint64_t> queue_;
  std::uint64_t pushing_ = 0;
  std::uint64_t weight_ = 0;  // of what is pushed
  std::uint64_t received_ = 0;
  std::uint64_t in_ = 0;
  std::uint64_t out_ = 0;
  std::uint64_t written_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool probing_ = false;
  bool paused_ = false;
  bool half_closed_ = false;
  bool gone_ = false;
  bool ended_ = false;
  bool failed_ = false;
  bool started_ = false;
  bool cancelled_ = false;
  bool over_ = false;
  bool finished_ = false;
};

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  if (data[0] % 2 == 0) {
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    spillway::TryFrame(bytes, data[0] / 2 % 8);
    return 0;
  }
  spillway::World world;
  world.Open();
  for (std::size_t i = 1; i + 1 < size; i += 2) world.Do(data[i], data[i + 1]);
  world.End();
  return 0;
}
