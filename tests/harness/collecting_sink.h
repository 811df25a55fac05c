// A sink that keeps everything it hears, checks the order of the calls and lets a test wait.
//
// What it owns: the story of one round trip.
// Thread safety: the sink's functions come from the transport; the others may be called from any
// thread.
// Invariants: a broken promise of response_sink.h (two ends, data before the head, overlapping
// calls
// ...) is kept as a sentence in Story::violations.

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "transport/response_sink.h"

namespace spillway {

struct Story {
  std::vector<ResponseHead> informational;
  std::optional<ResponseHead> head;
  BodyKind kind = BodyKind::kNone;
  std::uint64_t length = 0;
  std::string body;
  std::uint64_t body_bytes = 0;
  std::uint32_t data_calls = 0;
  std::optional<HeaderList> trailers;
  std::uint32_t ends = 0;
  RoundTripRecord record;
  std::vector<std::string> violations;

  bool ok() const { return ends == 1 && !record.failure.has_value(); }
  Reason reason() const {
    return record.failure.has_value() ? record.failure->reason : Reason::kNone;
  }
  Delivery delivery() const {
    return record.failure.has_value() ? record.failure->delivery : Delivery::kNone;
  }
  Phase phase() const { return record.failure.has_value() ? record.failure->phase : Phase::kNone; }
  // For messages of failed tests.
  std::string Text() const;
};

class CollectingSink : public ResponseSink {
 public:
  struct Options {
    bool pause = false;     // answer kPause to every OnData
    bool keep_body = true;  // else only count
  };

  CollectingSink() = default;
  explicit CollectingSink(Options options) : options_(options) {}

  void OnInformational(ResponseHead head) override;
  void OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) override;
  Flow OnData(const Chunk& chunk) override;
  void OnTrailers(HeaderList trailers) override;
  void OnEnd(const RoundTripRecord& record) override;

  // False when it did not happen in time.
  bool AwaitEnd(std::chrono::milliseconds patience = std::chrono::seconds(20));
  bool AwaitHead(std::chrono::milliseconds patience = std::chrono::seconds(20));
  bool AwaitInformational(std::size_t count);
  bool AwaitBody(std::uint64_t bytes);
  bool ended() const;
  Story story() const;

 private:
  // Marks a call as running; notes a violation when another one is.
  class Call;
  void Check(bool promise, const char* sentence);

  const Options options_;
  std::atomic<bool> running_ = false;
  mutable std::mutex mu_;
  std::condition_variable changed_;
  Story story_;
};

}  // namespace spillway
