// One line a round trip, for those who ask for it: `--access_log=off|failures|all`.
//
// What it is: the request's line without its query, how it ended, and who asked. Nothing of
// headers, bodies or the query is ever in it (C-076); what callers and origins wrote is escaped and
// cut (C-077).
// Thread safety: every function may be called from any thread. Write never blocks: lines go to the
// log's queue, and above kLinesPerSecond they are counted instead (C-078).

#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/log.h"
#include "transport/records.h"

namespace spillway {

enum class AccessLogMode : std::uint8_t { kOff, kFailures, kAll };

// What a record does not tell.
struct AccessEntry {
  std::string_view method;
  std::string_view url;  // as the caller wrote it
  std::string_view identity;
  Duration duration{};
  const Failure* failure = nullptr;         // null: a response was delivered
  const RoundTripRecord* record = nullptr;  // null: it never reached the transport
};

class AccessLog {
 public:
  static constexpr std::uint32_t kLinesPerSecond = 2000;

  explicit AccessLog(AccessLogMode mode) : mode_(mode) {}

  // Whether a round trip that fails, or one that does not, would be written.
  bool wants_any() const { return mode_ != AccessLogMode::kOff; }
  void Write(const AccessEntry& entry);

 private:
  bool Allow(std::uint64_t& suppressed);

  const AccessLogMode mode_;
  // The second that is running (steady clock) and its lines, in one number.
  std::atomic<std::uint64_t> window_{0};
  std::atomic<std::uint64_t> suppressed_{0};
};

}  // namespace spillway
