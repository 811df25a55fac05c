// The rules of one Multiplex stream: which calls are in flight, what may be read, what is written.
//
// What it is: a state machine without gRPC, transport, clock, thread or lock. Its user tells it
// what happened and does what it says. Results are packed into messages in the order they come: as
// many as fit go into one, and one message is being written at a time, so that what becomes ready
// meanwhile leaves together, while a result that finds nothing being written leaves at once.
// What it owns: the ids in flight and the sizes of what waits to be written. Not the calls.
// Thread safety: none; its user locks.
// Invariants: each call that was started or refused gives exactly one result; a message holds more
// than max_message_bytes only when it holds one result; no call is cancelled twice; TakeFinish is
// true at most once, when nothing is in flight, being read, handled or written any more.

#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <vector>

namespace spillway {

struct MultiplexLimits {
  std::uint32_t max_in_flight = 1024;
  // Results that wait to be written; at either no further call is looked at. With max_in_flight the
  // second bounds what one stream has in the ledger: 4,096 calls.
  std::uint64_t max_queued_bytes = 4ULL * 1024 * 1024;
  std::uint32_t max_queued_results = 3072;
  std::uint64_t max_message_bytes = 1024ULL * 1024;
};

class MultiplexMachine {
 public:
  // A call in flight. Its owner keeps it where it is until its result was told.
  struct Member {
    std::uint64_t id = 0;
    bool cancelled = false;
  };
  enum class Verdict : std::uint8_t {
    kStart,
    kTooMany,  // its result is that it was refused
    kBadId,    // zero, or in flight: the stream has to end
    kStop,     // the stream ends anyway: nothing more is started
  };
  enum class Placement : std::uint8_t {
    kDropped,  // nobody is there to read it
    kSameMessage,
    kNewMessage,
  };

  explicit MultiplexMachine(const MultiplexLimits& limits = {}) : limits_(limits) {}

  // --- what is read ---
  // Whether the next message may be asked for; if so, it is being read.
  bool StartRead();
  // A message came. It is being handled until OnHandled.
  void OnMessage();
  // A call in it.
  Verdict OnCall(Member& member);
  // The id of a call to cancel. Null when there is nothing to cancel: unknown ids are ignored.
  Member* OnCancel(std::uint64_t id);
  // Whether enough results were written for the message's next call to be looked at.
  bool MayHandle() const {
    return !gone_ && queued_bytes_ < limits_.max_queued_bytes &&
           queued_results_ < limits_.max_queued_results;
  }
  void OnHandled() { handling_ = false; }
  // No more messages: the caller has said all, or what it said is wrong.
  void OnReadsEnded();

  // --- what ends ---
  // A call in flight has a result of so many bytes.
  Placement OnResult(Member& member, std::uint64_t bytes);
  // So has one that was never in flight.
  Placement OnRefusal(std::uint64_t bytes) { return Place(bytes); }
  // The caller is gone: what waits is dropped, and so is what still comes.
  void OnGone();
  // Everything in flight that was not cancelled yet, and now is.
  std::vector<Member*> CancelAll();

  // --- what is written ---
  // Whether the first message that waits is to be written now; if so, it is being written.
  bool StartWrite();
  void OnWritten();
  // How many were written in all: a caller that takes nothing lets it stand while writing().
  std::uint64_t written_messages() const { return written_messages_; }

  // Whether the stream is to be finished now.
  bool TakeFinish();

  bool writing() const { return writing_; }
  bool gone() const { return gone_; }
  bool reads_ended() const { return reads_ended_; }
  std::size_t in_flight() const { return in_flight_.size(); }
  std::uint64_t queued_bytes() const { return queued_bytes_; }
  std::uint64_t queued_results() const { return queued_results_; }
  std::size_t queued_messages() const { return messages_.size(); }

 private:
  struct Queued {
    std::uint64_t bytes = 0;
    std::uint32_t results = 0;
  };

  Placement Place(std::uint64_t bytes);
  void Uncount(const Queued& message);

  const MultiplexLimits limits_;
  absl::flat_hash_map<std::uint64_t, Member*> in_flight_;
  std::deque<Queued> messages_;       // not yet written; the first is the one being written
  std::uint64_t queued_bytes_ = 0;    // of all of them
  std::uint64_t queued_results_ = 0;  // likewise
  std::uint64_t written_messages_ = 0;
  bool reading_ = false;
  bool handling_ = false;
  bool writing_ = false;
  bool reads_ended_ = false;
  bool gone_ = false;
  bool finished_ = false;
};

}  // namespace spillway
