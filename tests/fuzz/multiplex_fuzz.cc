// Any order of events on a Multiplex stream keeps the machine's promises; any message is read as
// the generated parser reads it.
//
// The first byte chooses. Even: the rest is a MultiplexRequest, cut into slices. Odd: the rest is
// limits and then operations of two bytes each: what, and about which id or how much. What a peer
// or an origin may do in any order is reachable; what only a broken user of the machine does (a
// second result for a call) is not. At the end everything is brought to rest, and each call must
// have had exactly one result, and the stream exactly one end.

#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "server/multiplex_machine.h"
#include "server/wire_multiplex_decode.h"
#include "spillway/v1/egress.pb.h"

namespace spillway {
namespace {

#define REQUIRE(condition)                                                      \
  do {                                                                          \
    if (!(condition)) {                                                         \
      std::fprintf(stderr, "multiplex_fuzz.cc:%d: %s\n", __LINE__, #condition); \
      std::abort();                                                             \
    }                                                                           \
  } while (false)

grpc::ByteBuffer Cut(std::string_view bytes, std::size_t piece) {
  std::vector<grpc::Slice> slices;
  while (!bytes.empty()) {
    const std::string_view first = bytes.substr(0, piece);
    slices.emplace_back(first.data(), first.size());
    bytes.remove_prefix(first.size());
  }
  return {slices.data(), slices.size()};
}

void ReadAsGenerated(std::string_view bytes, std::size_t piece) {
  v1::MultiplexRequest theirs;
  const bool accepted = theirs.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  MultiplexReader reader(Cut(bytes, piece));
  int calls = 0;
  int cancels = 0;
  bool ok = true;
  for (bool more = true; more;) {
    WireCall call;
    switch (reader.Next(call)) {
      case MultiplexReader::Item::kCall:
        if (!accepted) break;
        REQUIRE(calls < theirs.calls_size());
        REQUIRE(call.id == theirs.calls(calls).id());
        REQUIRE(call.request.url == theirs.calls(calls).request().url());
        REQUIRE(call.request.body.Flatten() == theirs.calls(calls).request().body());
        ++calls;
        break;
      case MultiplexReader::Item::kCancel:
        if (!accepted) break;
        REQUIRE(cancels < theirs.cancels_size());
        REQUIRE(call.id == theirs.cancels(cancels));
        ++cancels;
        break;
      case MultiplexReader::Item::kEnd:
        more = false;
        break;
      case MultiplexReader::Item::kBroken:
        more = ok = false;
        break;
    }
  }
  REQUIRE(ok == accepted);
  REQUIRE(!accepted || (calls == theirs.calls_size() && cancels == theirs.cancels_size()));
}

class Player {
 public:
  explicit Player(const MultiplexLimits& limits) : limits_(limits), machine_(limits) {}

  void Play(std::uint8_t what, std::uint8_t about) {
    switch (what % 9) {
      case 0:
        Read();
        break;
      case 1:
        Message();
        break;
      case 2:
        Call(about % 8);
        break;
      case 3:
        Cancel(about % 8);
        break;
      case 4:
        Handled();
        break;
      case 5:
        ReadsEnd();
        break;
      case 6:
        Result(about);
        break;
      case 7:
        about % 16 == 0 ? Gone() : Write();
        break;
      default:
        Written();
    }
    Check();
  }

  void Rest() {
    Handled();
    Written();
    while (!in_flight_.empty()) {
      Result(0);
      Check();
    }
    while (machine_.queued_messages() > 0) {
      Write();
      Written();
      Check();
    }
    Read();
    ReadsEnd();
    Check();
    REQUIRE(finished_ == 1);
    REQUIRE(results_ == calls_);
  }

 private:
  void Read() {
    const bool may = !reading_ && !handling_ && !machine_.reads_ended() && !machine_.gone() &&
                     queued_ < limits_.max_queued_bytes && Results() < limits_.max_queued_results;
    REQUIRE(machine_.StartRead() == may);
    reading_ = reading_ || may;
  }
  void Message() {
    if (!reading_) return;
    reading_ = false;
    handling_ = true;
    machine_.OnMessage();
  }
  void Call(std::uint64_t id) {
    if (!handling_) return;
    auto member = std::make_unique<MultiplexMachine::Member>();
    member->id = id;
    const bool stopped = machine_.gone() || machine_.reads_ended();
    const auto verdict = machine_.OnCall(*member);
    if (stopped) {
      REQUIRE(verdict == MultiplexMachine::Verdict::kStop);
      return;
    }
    if (id == 0 || in_flight_.contains(id)) {
      REQUIRE(verdict == MultiplexMachine::Verdict::kBadId);
      return ReadsEnd();
    }
    ++calls_;
    if (in_flight_.size() >= limits_.max_in_flight) {
      REQUIRE(verdict == MultiplexMachine::Verdict::kTooMany);
      return Placed(machine_.OnRefusal(7), 7);
    }
    REQUIRE(verdict == MultiplexMachine::Verdict::kStart);
    in_flight_[id] = std::move(member);
  }
  void Cancel(std::uint64_t id) {
    const auto found = in_flight_.find(id);
    const bool fresh = found != in_flight_.end() && !found->second->cancelled;
    REQUIRE((machine_.OnCancel(id) != nullptr) == fresh);
  }
  void Handled() {
    if (!handling_) return;
    handling_ = false;
    machine_.OnHandled();
  }
  void ReadsEnd() {
    if (!reading_ && !handling_) return;
    reading_ = false;
    machine_.OnReadsEnded();
  }
  void Result(std::uint8_t about) {
    if (in_flight_.empty()) return;
    auto which = in_flight_.begin();
    std::advance(which, about % in_flight_.size());
    const std::uint64_t bytes = 1 + about * 3U;
    const auto placed = machine_.OnResult(*which->second, bytes);
    in_flight_.erase(which);
    Placed(placed, bytes);
  }
  void Placed(MultiplexMachine::Placement placed, std::uint64_t bytes) {
    ++results_;
    REQUIRE((placed == MultiplexMachine::Placement::kDropped) == machine_.gone());
    if (placed == MultiplexMachine::Placement::kDropped) return;
    queued_ += bytes;
    if (placed == MultiplexMachine::Placement::kNewMessage) {
      messages_.push_back({bytes, 1});
      return;
    }
    REQUIRE(messages_.size() > (writing_ ? 1U : 0U));
    messages_.back().bytes += bytes;
    ++messages_.back().results;
  }
  void Gone() {
    machine_.OnGone();
    while (messages_.size() > (writing_ ? 1U : 0U)) {
      queued_ -= messages_.back().bytes;
      messages_.pop_back();
    }
    machine_.CancelAll();
    REQUIRE(machine_.CancelAll().empty());
  }
  void Write() {
    const bool may = !writing_ && !messages_.empty();
    REQUIRE(machine_.StartWrite() == may);
    writing_ = writing_ || may;
  }
  void Written() {
    if (!writing_) return;
    writing_ = false;
    machine_.OnWritten();
    queued_ -= messages_.front().bytes;
    messages_.erase(messages_.begin());
  }
  void Check() {
    REQUIRE(machine_.in_flight() == in_flight_.size());
    REQUIRE(machine_.in_flight() <= limits_.max_in_flight);
    REQUIRE(machine_.queued_bytes() == queued_);
    REQUIRE(machine_.queued_results() == Results());
    REQUIRE(machine_.queued_messages() == messages_.size());
    for (const Queued& message : messages_) {
      REQUIRE(message.results == 1 || message.bytes <= limits_.max_message_bytes);
    }
    const bool over = (machine_.reads_ended() || machine_.gone()) && !reading_ && !handling_ &&
                      !writing_ && in_flight_.empty() && messages_.empty();
    const bool finish = machine_.TakeFinish();
    REQUIRE(finish == (over && finished_ == 0));
    finished_ += finish ? 1 : 0;
  }

  struct Queued {
    std::uint64_t bytes = 0;
    unsigned results = 0;
  };

  std::uint64_t Results() const {
    std::uint64_t sum = 0;
    for (const Queued& message : messages_) sum += message.results;
    return sum;
  }

  const MultiplexLimits limits_;
  MultiplexMachine machine_;
  std::map<std::uint64_t, std::unique_ptr<MultiplexMachine::Member>> in_flight_;
  std::vector<Queued> messages_;
  std::uint64_t queued_ = 0;
  bool reading_ = false;
  bool handling_ = false;
  bool writing_ = false;
  int calls_ = 0;
  int results_ = 0;
  int finished_ = 0;
};

void Play(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return;
  Player player({.max_in_flight = 1U + data[0] % 7,
                 .max_queued_bytes = 1U + data[1] * 8U,
                 .max_queued_results = 1U + data[0] / 7U,
                 .max_message_bytes = 1U + data[2] * 4U});
  for (std::size_t i = 3; i + 1 < size && i < 4000; i += 2) player.Play(data[i], data[i + 1]);
  player.Rest();
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  if (data[0] % 2 == 1) {
    spillway::Play(data + 1, size - 1);
    return 0;
  }
  spillway::ReadAsGenerated({reinterpret_cast<const char*>(data) + 1, size - 1},
                            data[0] < 2 ? size : data[0] / 2);
  return 0;
}
