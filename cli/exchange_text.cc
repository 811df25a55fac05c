#include "cli/exchange_text.h"

#include <algorithm>

#include "cli/json.h"
#include "cli/text.h"

namespace spillway::cli {
namespace {

using spillway::v1::Exchange;
using spillway::v1::Timings;

constexpr std::size_t kBarWidth = 40;
constexpr std::size_t kNameWidth = 12;
constexpr std::size_t kTimeWidth = 9;

// Column of the moment `at` when the whole is `total` long.
std::size_t ColumnOf(Duration at, Duration total) {
  if (total <= Duration::zero()) return 0;
  const double share = static_cast<double>(at.count()) / static_cast<double>(total.count());
  return static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(kBarWidth));
}

std::string Bar(const PhaseSpan& span, Duration total) {
  // What happened is at least one mark wide.
  const std::size_t begin = std::min(ColumnOf(span.start, total), kBarWidth - 1);
  const std::size_t end = std::max(ColumnOf(span.start + span.length, total), begin + 1);
  return std::string(begin, ' ') + std::string(end - begin, '#');
}

std::string ConnectionLine(const Exchange& exchange) {
  if (exchange.connection_id() == 0) return "* no connection was had\n";
  std::string line = "* connection " + std::to_string(exchange.connection_id());
  if (exchange.reused()) {
    line += ", reused";
    if (exchange.has_idle_time()) {
      line += " after " + TimeText(DurationOf(exchange.idle_time())) + " idle";
    }
  } else {
    line += ", new";
  }
  line += ": " + OneLine(exchange.local_address()) + " -> " + OneLine(exchange.remote_address());
  if (!exchange.proxy().empty()) line += " through " + OneLine(exchange.proxy());
  return line + "\n";
}

}  // namespace

std::vector<PhaseSpan> PhasesOf(const Timings& timings) {
  std::vector<PhaseSpan> phases;
  const Duration queue = DurationOf(timings.queue());
  const auto add = [&phases](const char* name, Duration start, Duration length) {
    if (length > Duration::zero()) phases.push_back({name, start, length});
    return start + length;
  };
  add("queue", Duration::zero(), queue);

  // The dial that was waited for ended when the wait did.
  const Duration dns = DurationOf(timings.dns());
  const Duration connect = DurationOf(timings.connect());
  const Duration proxy = DurationOf(timings.proxy());
  const Duration tls = DurationOf(timings.tls());
  Duration at = std::max(Duration::zero(), queue - dns - connect - proxy - tls);
  at = add("dns", at, dns);
  at = add("connect", at, connect);
  at = add("proxy", at, proxy);
  add("tls", at, tls);

  at = add("write", queue, DurationOf(timings.write()));
  at = add("first_byte", at, DurationOf(timings.first_byte()));
  // Without an answer the rest is our own, and no body.
  if (timings.has_first_byte()) add("body", at, DurationOf(timings.total()) - at);
  return phases;
}

std::string Waterfall(const Timings& timings) {
  const Duration total = DurationOf(timings.total());
  std::string text;
  for (const PhaseSpan& span : PhasesOf(timings)) {
    text += PadRight(span.name, kNameWidth) + PadLeft(TimeText(span.length), kTimeWidth) + "  " +
            Bar(span, total) + "\n";
  }
  return text + PadRight("total", kNameWidth) + PadLeft(TimeText(total), kTimeWidth) + "\n";
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
  for (const spillway::v1::Attempt& attempt : exchange.attempt_log()) {
    const std::string error = LabelOf(attempt.error());
    text += "* " + LabelOf(attempt.kind()) + " attempt at " +
            TimeText(DurationOf(attempt.start())) + ": connection " +
            std::to_string(attempt.connection_id()) + (attempt.reused() ? ", reused" : ", new") +
            ", " + TimeText(DurationOf(attempt.duration())) +
            (error.empty() ? "" : ", " + error + " (" + LabelOf(attempt.delivery()) + ")") + "\n";
  }
  std::vector<spillway::v1::Event> events(exchange.timeline().begin(), exchange.timeline().end());
  std::stable_sort(events.begin(), events.end(), [](const auto& x, const auto& y) {
    return DurationOf(x.at()) < DurationOf(y.at());
  });
  for (const spillway::v1::Event& event : events) {
    text += "* " + PadLeft(TimeText(DurationOf(event.at())), kTimeWidth) + "  " +
            LabelOf(event.kind()) + "\n";
  }
  return text;
}

}  // namespace spillway::cli
