#include "tests/harness/collecting_sink.h"

#include <utility>

namespace spillway {

class CollectingSink::Call {
 public:
  explicit Call(CollectingSink& sink)
      : sink_(sink), overlap_(sink.running_.exchange(true)), lock_(sink.mu_) {
    sink_.Check(!overlap_, "two calls at once");
    sink_.Check(sink_.story_.ends == 0, "a call after OnEnd");
  }
  ~Call() {
    sink_.running_ = false;
    sink_.changed_.notify_all();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  CollectingSink& sink_;
  const bool overlap_;  // read before the lock is taken, or it could never be seen
  const std::lock_guard<std::mutex> lock_;
};

std::string Story::Text() const {
  std::string text = "ends=" + std::to_string(ends);
  text += " status=" + std::to_string(head.has_value() ? head->status : 0);
  text += " body_bytes=" + std::to_string(body_bytes);
  text += " attempts=" + std::to_string(record.attempts);
  text += " reused=" + std::to_string(static_cast<int>(record.reused));
  if (record.failure.has_value()) {
    const Failure& failure = *record.failure;
    text += " reason=" + std::string(Label(failure.reason));
    text += " source=" + std::string(Label(failure.source));
    text += " phase=" + std::string(Label(failure.phase));
    text += " delivery=" + std::string(Label(failure.delivery));
    text += " field=" + failure.field + " message='" + failure.message + "'";
  }
  for (const std::string& violation : violations) text += " VIOLATION: " + violation;
  return text;
}

void CollectingSink::Check(bool promise, const char* sentence) {
  if (!promise) story_.violations.emplace_back(sentence);
}

void CollectingSink::OnInformational(ResponseHead head) {
  const Call call(*this);
  Check(!story_.head.has_value(), "OnInformational after OnHead");
  story_.informational.push_back(std::move(head));
}

void CollectingSink::OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) {
  const Call call(*this);
  Check(!story_.head.has_value(), "a second OnHead");
  story_.head = std::move(head);
  story_.kind = kind;
  story_.length = length;
}

Flow CollectingSink::OnData(const Chunk& chunk) {
  const Call call(*this);
  Check(story_.head.has_value(), "OnData before OnHead");
  Check(!story_.trailers.has_value(), "OnData after OnTrailers");
  Check(!chunk.bytes.empty(), "OnData without data");
  ++story_.data_calls;
  story_.body_bytes += chunk.bytes.size();
  if (options_.keep_body) story_.body += chunk.bytes;
  return options_.pause ? Flow::kPause : Flow::kContinue;
}

void CollectingSink::OnTrailers(HeaderList trailers) {
  const Call call(*this);
  Check(story_.head.has_value(), "OnTrailers before OnHead");
  Check(!story_.trailers.has_value(), "a second OnTrailers");
  story_.trailers = std::move(trailers);
}

void CollectingSink::OnEnd(const RoundTripRecord& record) {
  const Call call(*this);
  Check(record.failure.has_value() || story_.head.has_value(), "a good end without a head");
  ++story_.ends;
  story_.record = record;
}

bool CollectingSink::AwaitEnd(std::chrono::milliseconds patience) {
  std::unique_lock lock(mu_);
  return changed_.wait_for(lock, patience, [&] { return story_.ends > 0; });
}

bool CollectingSink::AwaitHead(std::chrono::milliseconds patience) {
  std::unique_lock lock(mu_);
  return changed_.wait_for(lock, patience, [&] { return story_.head.has_value(); });
}

bool CollectingSink::AwaitInformational(std::size_t count) {
  std::unique_lock lock(mu_);
  return changed_.wait_for(lock, std::chrono::seconds(20),
                           [&] { return story_.informational.size() >= count; });
}

bool CollectingSink::AwaitBody(std::uint64_t bytes) {
  std::unique_lock lock(mu_);
  return changed_.wait_for(lock, std::chrono::seconds(20),
                           [&] { return story_.body_bytes >= bytes; });
}

bool CollectingSink::ended() const {
  const std::lock_guard lock(mu_);
  return story_.ends > 0;
}

Story CollectingSink::story() const {
  const std::lock_guard lock(mu_);
  return story_;
}

}  // namespace spillway
