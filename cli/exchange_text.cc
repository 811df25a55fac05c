#include "cli/exchange_text.h"

#include <algorithm>

#include "cli/json.h"
#include "cli/text.h"

namespace spillway::cli {
namespace {

using spillway::v1::Exchange;

constexpr std::size_t kTimeWidth = 9;

std::string ConnectionLine(const Exchange& exchange) {
  if (exchange.connection_id() == 0) return "* no connection was had\n";
  return "* connection " + std::to_string(exchange.connection_id()) +
         (exchange.reused() ? ", reused" : ", new") + ConnectionText(exchange) + "\n";
}

// "* first attempt at 1.2 ms: connection 3, reused, 4 ms, connection_terminated (unknown)"
std::string AttemptLine(const spillway::v1::Attempt& attempt) {
  std::string line =
      "* " + LabelOf(attempt.kind()) + " attempt at " + TimeText(DurationOf(attempt.start()));
  if (attempt.has_backoff()) {
    line += " after a pause of " + TimeText(DurationOf(attempt.backoff()));
  }
  line += ": connection " + std::to_string(attempt.connection_id()) +
          (attempt.reused() ? ", reused" : ", new") + ", " +
          TimeText(DurationOf(attempt.duration()));
  const std::string error = LabelOf(attempt.error());
  if (!error.empty()) line += ", " + error + " (" + LabelOf(attempt.delivery()) + ")";
  if (attempt.status() != 0) line += ", answered " + std::to_string(attempt.status());
  if (!attempt.span_id().empty()) line += ", span " + OneLine(attempt.span_id());
  return line + "\n";
}

std::string EventLine(const spillway::v1::Event& event) {
  std::string line =
      "* " + PadLeft(TimeText(DurationOf(event.at())), kTimeWidth) + "  " + LabelOf(event.kind());
  if (event.status() != 0) line += " " + std::to_string(event.status());
  if (!event.note().empty()) line += " " + OneLine(event.note());
  return line + "\n";
}

}  // namespace

std::string ConnectionText(const Exchange& exchange) {
  std::string text;
  if (exchange.reused() && exchange.has_idle_time()) {
    text = " after " + TimeText(DurationOf(exchange.idle_time())) + " idle";
  }
  text += ": " + OneLine(exchange.local_address()) + " -> " + OneLine(exchange.remote_address());
  if (!exchange.proxy().empty()) text += " through " + OneLine(exchange.proxy());
  return text;
}

std::string Summary(const Exchange& exchange) {
  std::string text = ConnectionLine(exchange);
  text += "* " +
          (exchange.destination().empty() ? std::string("no destination matched")
                                          : "destination " + OneLine(exchange.destination())) +
          ", configuration " + std::to_string(exchange.policy_version()) + "\n";
  text += "* attempts " + std::to_string(exchange.attempts()) + ", sent " +
          SizeText(exchange.bytes_sent()) + ", received " + SizeText(exchange.bytes_received()) +
          "\n";
  for (const spillway::v1::Hop& hop : exchange.hops()) {
    text +=
        "* redirected with " + std::to_string(hop.status()) + " by " + OneLine(hop.url()) + "\n";
  }
  if (!exchange.url().empty()) text += "* answered by " + OneLine(exchange.url()) + "\n";
  for (const spillway::v1::Attempt& attempt : exchange.attempt_log()) text += AttemptLine(attempt);
  std::vector<spillway::v1::Event> events(exchange.timeline().begin(), exchange.timeline().end());
  std::stable_sort(events.begin(), events.end(), [](const auto& x, const auto& y) {
    return DurationOf(x.at()) < DurationOf(y.at());
  });
  for (const spillway::v1::Event& event : events) text += EventLine(event);
  return text;
}

}  // namespace spillway::cli
