// The daemon's own log: one line an event, to stderr, as text or JSON.
//
// What it is: a thin face over spdlog's asynchronous logger. An event is a short constant sentence
// and a few named values; nothing of a request's or response's content may be among them.
// What it owns: one background thread and a bounded queue. A full queue drops its oldest lines, so
// that a slow or broken stderr never blocks a call (case X-030).
// Thread safety: Log and everything like it may be called from any thread; StartLog and StopLog
// once each, from main. Before StartLog and after StopLog nothing is written.

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace spillway {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat : std::uint8_t { kText, kJson };

struct LogField {
  std::string_view name;  // a constant word
  std::string value;

  LogField(std::string_view field_name, std::string field_value)
      : name(field_name), value(std::move(field_value)) {}
  LogField(std::string_view field_name, std::string_view field_value)
      : name(field_name), value(field_value) {}
  LogField(std::string_view field_name, const char* field_value)
      : name(field_name), value(field_value) {}
  LogField(std::string_view field_name, std::uint64_t number)
      : name(field_name), value(std::to_string(number)) {}
};

void StartLog(LogLevel level, LogFormat format);
// Writes out what is queued.
void StopLog();

bool LogEnabled(LogLevel level);
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

// Lets one event through per interval and counts the rest; for events that callers or origins can
// cause as often as they like.
class LogLimiter {
 public:
  explicit LogLimiter(std::chrono::milliseconds interval = std::chrono::seconds(1))
      : interval_(interval) {}
  // True when the event may be logged; `suppressed` is how many were not since the last one.
  bool Allow(std::uint64_t& suppressed);

 private:
  const std::chrono::milliseconds interval_;
  std::atomic<std::int64_t> next_{0};  // steady clock, milliseconds
  std::atomic<std::uint64_t> suppressed_{0};
};

// One event as the line's body: `event name=value ...`, or JSON members without braces. Values are
// quoted where they need it; control characters are escaped.
std::string FormatEvent(LogFormat format, std::string_view event,
                        std::initializer_list<LogField> fields);

}  // namespace spillway
