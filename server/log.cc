#include "server/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <memory>

namespace spillway {
namespace {

constexpr std::size_t kQueuedLines = 8192;

// Set once before threads start and cleared after they have ended.
struct State {
  std::shared_ptr<spdlog::async_logger> logger;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  LogFormat format = LogFormat::kText;
};
State& TheLog() {
  static State state;
  return state;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                  spdlog::level::err, spdlog::level::off};
  return kLevels.at(static_cast<std::size_t>(level));
}

void AppendEscaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      // Not ASCII: one escape a byte, so that the line is valid whatever the bytes were.
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
}

bool NeedsQuotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == '\\' || c == '=') return true;
  }
  return false;
}

void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  AppendEscaped(out, text);
  out += '"';
}

}  // namespace

std::string FormatEvent(LogFormat format, std::string_view event,
                        std::initializer_list<LogField> fields) {
  std::string line;
  if (format == LogFormat::kJson) {
    line += "\"event\":";
    AppendQuoted(line, event);
    for (const LogField& field : fields) {
      line += ",\"";
      line += field.name;
      line += "\":";
      AppendQuoted(line, field.value);
    }
    return line;
  }
  line += event;
  for (const LogField& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    if (NeedsQuotes(field.value)) {
      AppendQuoted(line, field.value);
    } else {
      line += field.value;
    }
  }
  return line;
}

void StartLog(LogLevel level, LogFormat format) {
  State& state = TheLog();
  state.format = format;
  state.pool = std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1);
  state.logger = std::make_shared<spdlog::async_logger>(
      "spillway", std::make_shared<spdlog::sinks::stderr_sink_mt>(), state.pool,
      spdlog::async_overflow_policy::overrun_oldest);
  state.logger->set_level(ToSpdlog(level));
  state.logger->flush_on(spdlog::level::debug);
  // stderr may be closed or full: nothing to be done about it, and no reason to say so on it.
  state.logger->set_error_handler([](const std::string&) {});
  state.logger->set_pattern(format == LogFormat::kJson
                                ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
                                : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
}

void StopLog() {
  State& state = TheLog();
  state.logger.reset();
  state.pool.reset();  // its destructor writes what is queued
}

bool LogEnabled(LogLevel level) {
  const State& state = TheLog();
  return state.logger != nullptr && state.logger->should_log(ToSpdlog(level));
}

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  const State& state = TheLog();
  const std::string line = FormatEvent(state.format, event, fields);
  state.logger->log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

bool LogLimiter::Allow(std::uint64_t& suppressed) {
  const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                               std::chrono::steady_clock::now().time_since_epoch())
                               .count();
  std::int64_t next = next_.load(std::memory_order_relaxed);
  if (now < next || !next_.compare_exchange_strong(next, now + interval_.count())) {
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  suppressed = suppressed_.exchange(0, std::memory_order_relaxed);
  return true;
}

}  // namespace spillway
