#include "server/multiplex_machine.h"

#include "transport/base/check.h"

namespace spillway {

bool MultiplexMachine::StartRead() {
  if (reading_ || handling_ || reads_ended_ || !MayHandle()) return false;
  reading_ = true;
  return true;
}

void MultiplexMachine::OnMessage() {
  SPILLWAY_CHECK(reading_);
  reading_ = false;
  handling_ = true;
}

MultiplexMachine::Verdict MultiplexMachine::OnCall(Member& member) {
  SPILLWAY_CHECK(handling_);
  if (gone_ || reads_ended_) return Verdict::kStop;
  if (member.id == 0) return Verdict::kBadId;
  const bool full = in_flight_.size() >= limits_.max_in_flight;
  if (full) return in_flight_.contains(member.id) ? Verdict::kBadId : Verdict::kTooMany;
  return in_flight_.emplace(member.id, &member).second ? Verdict::kStart : Verdict::kBadId;
}

MultiplexMachine::Member* MultiplexMachine::OnCancel(std::uint64_t id) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end() || found->second->cancelled) return nullptr;
  found->second->cancelled = true;
  return found->second;
}

void MultiplexMachine::OnReadsEnded() {
  reading_ = false;
  reads_ended_ = true;
}

MultiplexMachine::Placement MultiplexMachine::OnResult(Member& member, std::uint64_t bytes) {
  const auto found = in_flight_.find(member.id);
  SPILLWAY_CHECK_NOTE(found != in_flight_.end() && found->second == &member, "one result a call");
  in_flight_.erase(found);
  return Place(bytes);
}

MultiplexMachine::Placement MultiplexMachine::Place(std::uint64_t bytes) {
  SPILLWAY_CHECK_NOTE(!finished_, "no result after the end");
  if (gone_) return Placement::kDropped;
  queued_bytes_ += bytes;
  ++queued_results_;
  // The first message may be on its way already.
  const bool open = messages_.size() > (writing_ ? 1 : 0);
  if (open && messages_.back().bytes + bytes <= limits_.max_message_bytes) {
    messages_.back().bytes += bytes;
    ++messages_.back().results;
    return Placement::kSameMessage;
  }
  messages_.push_back({.bytes = bytes, .results = 1});
  return Placement::kNewMessage;
}

void MultiplexMachine::Uncount(const Queued& message) {
  queued_bytes_ -= message.bytes;
  queued_results_ -= message.results;
}

void MultiplexMachine::OnGone() {
  gone_ = true;
  // The one being written is gRPC's until it says otherwise.
  while (messages_.size() > (writing_ ? 1 : 0)) {
    Uncount(messages_.back());
    messages_.pop_back();
  }
}

std::vector<MultiplexMachine::Member*> MultiplexMachine::CancelAll() {
  std::vector<Member*> cancelled;
  for (const auto& [id, member] : in_flight_) {
    if (member->cancelled) continue;
    member->cancelled = true;
    cancelled.push_back(member);
  }
  return cancelled;
}

bool MultiplexMachine::StartWrite() {
  if (writing_ || messages_.empty()) return false;
  writing_ = true;
  return true;
}

void MultiplexMachine::OnWritten() {
  SPILLWAY_CHECK(writing_);
  writing_ = false;
  ++written_messages_;
  Uncount(messages_.front());
  messages_.pop_front();
}

bool MultiplexMachine::TakeFinish() {
  if (finished_ || !(reads_ended_ || gone_)) return false;
  if (reading_ || handling_ || writing_ || !in_flight_.empty() || !messages_.empty()) return false;
  finished_ = true;
  return true;
}

}  // namespace spillway
