// Bytes of an HTTP/2 peer, cut at will, with requests, resets, slow receivers and time in between.
//
// Input: a list of operations. The byte of an operation, then for "receive" a length byte and that
// many bytes of the peer's. Whatever happens: no crash, every stream hears at most one end and
// nothing after it, memory stays bounded, and the connection's window is given back.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "transport/base/buffered_body.h"
#include "transport/base/check.h"
#include "transport/http2/session.h"

namespace spillway {
namespace {

constexpr std::uint32_t kConnectionWindow = 128 * 1024;
constexpr std::uint32_t kStreamWindow = 32 * 1024;
constexpr std::size_t kMaxOps = 2000;

struct Heard final : public Http2StreamVisitor {
  void OnInformational(ResponseHead head) override {
    SPILLWAY_CHECK(!over && !head_seen && head.status >= 100 && head.status < 200);
    SPILLWAY_CHECK(++informational <= limits->max_informational);
  }
  void OnHead(ResponseHead head, BodyKind, std::uint64_t) override {
    SPILLWAY_CHECK(!over && !head_seen && head.status >= 200);
    SPILLWAY_CHECK(head.headers.size() <= limits->max_header_fields);
    head_seen = true;
  }
  void OnData(std::string_view bytes) override {
    SPILLWAY_CHECK(!over && head_seen);
    unread += bytes.size();
    SPILLWAY_CHECK(unread <= kStreamWindow);
  }
  void OnPeerClosed() override { SPILLWAY_CHECK(!over && head_seen); }
  void OnEnd(Http2StreamEnd end) override {
    SPILLWAY_CHECK(!over);
    SPILLWAY_CHECK(end.failure.has_value() || head_seen);
    if (end.failure) SPILLWAY_CHECK(end.failure->message.size() <= kMaxFailureMessage);
    over = true;
  }
  void OnSent(std::size_t) override { SPILLWAY_CHECK(!over); }
  void OnBodyPending() override { SPILLWAY_CHECK(!over); }
  void OnBodyReady() override { SPILLWAY_CHECK(!over); }
  void OnRequestSent() override { SPILLWAY_CHECK(!over); }

  const ResponseLimits* limits = nullptr;
  std::int32_t id = 0;
  std::uint32_t informational = 0;
  bool head_seen = false;
  bool over = false;
  std::size_t unread = 0;
};

class Play final : private Http2Visitor {
 public:
  explicit Play(std::string_view input) : input_(input) {
    limits_.connection_window = kConnectionWindow;
    limits_.stream_window = kStreamWindow;
    response_limits_.max_header_bytes = 4096;
    response_limits_.max_header_fields = 32;
    response_limits_.max_informational = 4;
    head_.method = "POST";
    head_.url = {"https", "origin.test", 443, HostKind::kName, "/"};
    head_.headers = {{"Cookie", "a=1; b=2"}, {"X-Name", "value"}};
    Http2Visitor& visitor = *this;
    session_ = std::make_unique<Http2Session>(limits_, visitor, now_);
  }

  void Run() {
    for (std::size_t i = 0; i < kMaxOps && !input_.empty(); ++i) {
      Step(TakeByte());
      session_->Fill();
      SPILLWAY_CHECK(session_->output().size() < 4 * kMaxOutputBytes);
      SPILLWAY_CHECK(session_->streams() <= heard_.size());
    }
    Finish();
  }

 private:
  std::uint8_t TakeByte() {
    if (input_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(input_.front());
    input_.remove_prefix(1);
    return byte;
  }

  void Step(std::uint8_t op) {
    switch (op % 8) {
      case 0:
      case 1: {
        const std::size_t size = std::min<std::size_t>(TakeByte() + 1U, input_.size());
        session_->Receive(input_.substr(0, size), now_);
        input_.remove_prefix(size);
        return;
      }
      case 2:
        return Submit(op);
      case 3:
        if (Heard* heard = Pick(op)) {
          heard->over = true;
          session_->Reset(heard->id, Http2Session::ResetCode::kCancel);
          session_->OnAbandoned(now_, now_);
        }
        return;
      case 4:
        if (Heard* heard = Pick(op)) {
          session_->Consume(heard->id, heard->unread);
          heard->unread = 0;
        }
        return;
      case 5:
        session_->Written(session_->output().size() * (op / 8) / 31);
        return;
      case 6:
        now_ = After(now_, milliseconds(100) * (op / 8));
        if (now_ >= session_->next_deadline()) session_->OnTimer(now_);
        return;
      default:
        if (op == 255) session_->GoAway();
        if (op == 247) session_->SkipToStream(0x7fffffff - 2);
        return;
    }
  }

  void Submit(std::uint8_t op) {
    if (heard_.size() >= 300) return;
    Heard& heard = heard_.emplace_back();
    heard.limits = &response_limits_;
    head_.method = (op & 8) != 0 ? "POST" : "HEAD";
    std::shared_ptr<BodySource> body;
    if ((op & 16) != 0) {
      body = std::make_shared<BufferedBody>(Body::Of(std::string(op * 100U, 'b')));
    }
    const Result<std::int32_t> id =
        session_->Submit({&head_, body, &response_limits_}, heard, now_);
    if (id.has_value()) {
      heard.id = *id;
    } else {
      SPILLWAY_CHECK(id.error().delivery == Delivery::kNotSent);
      heard.over = true;
    }
  }

  Heard* Pick(std::uint8_t op) {
    if (heard_.empty()) return nullptr;
    Heard& heard = heard_[op / 8 % heard_.size()];
    return heard.over ? nullptr : &heard;
  }

  // Cancelled with whatever they have not read, all streams owe the connection nothing.
  void Finish() {
    for (Heard& heard : heard_) {
      if (heard.id == 0 || heard.over) continue;
      heard.over = true;
      session_->Reset(heard.id, Http2Session::ResetCode::kCancel);
    }
    session_->Fill();
    if (session_->failure()) return;
    SPILLWAY_CHECK(session_->streams() == 0);
    SPILLWAY_CHECK(session_->unreturned_window() <=
                   static_cast<std::int32_t>(kConnectionWindow / 2));
  }

  void OnPeerSettings(const PeerSettings&) override {}
  void OnGoAway(const Http2GoAway& goaway) override { SPILLWAY_CHECK(goaway.text.size() < 256); }
  std::function<void()> WakeUpload(std::int32_t) override {
    return [] {};
  }

  std::string_view input_;
  Instant now_{seconds(1000)};
  Http2Limits limits_;
  ResponseLimits response_limits_;
  RequestHead head_;
  std::deque<Heard> heard_;
  std::unique_ptr<Http2Session> session_;
};

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::Play({reinterpret_cast<const char*>(data), size}).Run();
  return 0;
}
