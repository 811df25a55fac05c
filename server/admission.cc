#include "server/admission.h"

namespace spillway {
namespace {

Failure Refusal(Reason reason, std::string_view why) {
  return {.reason = reason,
          .source = Source::kService,
          .phase = Phase::kQueue,
          .delivery = Delivery::kNotSent,
          .message = std::string(why),
          .field = {},
          .response_status = 0};
}

Failure NoMemory() {
  return Refusal(Reason::kPoolQueueFull, "messages in flight use up the memory for them");
}

}  // namespace

std::optional<Failure> Admission::Admit(std::uint64_t bytes, std::uint64_t counted) {
  // Counted first and looked at afterwards, so that whoever stops admission and then sees nothing
  // running knows that nothing will.
  const std::uint64_t running = running_.fetch_add(1) + 1;
  std::optional<Failure> refusal;
  if (stopped_.load()) {
    refusal = Refusal(Reason::kDraining, "the daemon is shutting down");
  } else if (running > limits_.max_calls) {
    refusal = Refusal(Reason::kPoolQueueFull, "too many calls are running");
  } else if (!Grow(bytes - counted)) {
    refusal = NoMemory();
  }
  if (refusal.has_value()) {
    running_.fetch_sub(1);
    refused_.fetch_add(1, std::memory_order_relaxed);
  }
  return refusal;
}

Failure Admission::RefuseForMemory() {
  refused_.fetch_add(1, std::memory_order_relaxed);
  return NoMemory();
}

bool Admission::Grow(std::uint64_t bytes) {
  if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limits_.max_bytes) return true;
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

void Admission::End(std::uint64_t bytes, CallOutcome outcome) {
  EndedCalls calls;
  calls.Add(bytes, outcome);
  End(calls);
}

void Admission::End(const EndedCalls& calls) {
  const std::uint64_t count = calls.ok + calls.failed + calls.cancelled;
  if (count == 0) return;
  bytes_.fetch_sub(calls.bytes, std::memory_order_relaxed);
  if (calls.ok > 0) ok_.fetch_add(calls.ok, std::memory_order_relaxed);
  if (calls.failed > 0) failed_.fetch_add(calls.failed, std::memory_order_relaxed);
  if (calls.cancelled > 0) cancelled_.fetch_add(calls.cancelled, std::memory_order_relaxed);
  if (running_.fetch_sub(count) == count && stopped_.load()) on_empty_();
}

CallLedger Admission::ledger() const {
  CallLedger ledger;
  ledger.refused = refused_.load(std::memory_order_relaxed);
  ledger.ok = ok_.load(std::memory_order_relaxed);
  ledger.failed = failed_.load(std::memory_order_relaxed);
  ledger.cancelled = cancelled_.load(std::memory_order_relaxed);
  ledger.running = running_.load();
  ledger.bytes = bytes();
  ledger.admitted = ledger.ok + ledger.failed + ledger.cancelled + ledger.running;
  return ledger;
}

}  // namespace spillway
