// The two ledgers: what callers were told and what the origin saw, per request.
//
// What it is: plain records. The origin's travel through a file, one line an event, written before
// the origin acts, so that they survive its sudden death.
// Thread safety: plain values; pure functions.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spillway {

// What a caller was told.
struct CallerEntry {
  std::string id;
  std::string method;
  bool idempotent = false;
  bool denied = false;     // went to an address that policy refuses
  std::uint32_t ends = 0;  // terminal outcomes
  bool ok = false;
  std::string reason;    // label; empty when ok
  std::string delivery;  // label; empty when ok
  std::uint32_t attempts = 0;
  std::uint32_t failed_attempts_logged = 0;  // entries of the attempt log that name an error
  std::uint64_t body_digest = 0;             // of the request's body
  std::string echoed_id;                     // of a good response
  std::uint64_t echoed_digest = 0;
  bool response_body_right = false;
  bool foreign_bytes = false;  // what came of a body is not how its own begins
};

// One line of the origin's ledger.
struct OriginEvent {
  enum class Kind : char {
    kHead = 'H',    // a complete request head arrived
    kBody = 'B',    // with its whole body
    kAnswer = 'A',  // a whole response is about to be written
  } kind = Kind::kHead;
  std::string id;
  std::uint64_t connection = 0;
  std::string method;
  std::uint64_t digest = 0;
};

std::string LineOf(const OriginEvent& event);
std::optional<OriginEvent> ReadLine(std::string_view line);

// FNV-1a, 64 bits: enough to tell one body from another.
std::uint64_t Digest(std::string_view bytes);

// The body a good response to `id` has; never empty, so that it can be cut.
std::string ResponseBodyOf(std::string_view id);
// The body that was asked for with `bytes`, at least 1.
std::string ResponseBodyOf(std::string_view id, std::uint64_t bytes);

// Every rule that does not hold, as a sentence; at most `max`.
//  1 each id has exactly one outcome          2 ok: answered, digests and echo equal
//  3 not sent, or unprocessed: no trace       4 not idempotent: at most one head
//  5 idempotent: heads <= attempts, each extra one with a logged reason
//  6 the origin saw the caller's method       8 nothing from a refused address
//  9 no byte of anybody else's answer, even in a part of one
std::vector<std::string> Join(const std::vector<CallerEntry>& callers,
                              const std::vector<OriginEvent>& events, std::uint32_t max_attempts,
                              std::size_t max = 20);

}  // namespace spillway
