#include "transport/timeline.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace spillway {
namespace {

using Kind = TimelineEvent::Kind;

// Order of events at one instant.
constexpr std::array kOrder = {
    Kind::kStarted,   Kind::kBackoff,        Kind::kQueued,        Kind::kDnsStart,
    Kind::kDnsDone,   Kind::kConnectStart,   Kind::kConnectDone,   Kind::kProxyStart,
    Kind::kProxyDone, Kind::kTlsStart,       Kind::kTlsDone,       Kind::kNotGranted,
    Kind::kGranted,   Kind::kHeadersWritten, Kind::kWait100,       Kind::kGot100,
    Kind::kWritten,   Kind::kFirstByte,      Kind::kInformational, Kind::kHead,
    Kind::kFirstData, Kind::kBodyDone,       Kind::kPutIdle,       Kind::kRedirect,
    Kind::kRetry,     Kind::kEnded};
static_assert(kOrder.size() == static_cast<std::size_t>(Kind::kRedirect) + 1);

std::size_t Rank(Kind kind) {
  return static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), kind) - kOrder.begin());
}

Duration Overlap(const Wait& wait, const DialStep& step) {
  const Instant began = std::max(wait.began, step.began);
  const Instant ended = std::min(wait.ended, step.ended);
  return std::max(Duration::zero(), ended - began);
}

struct StepKinds {
  Kind start;
  Kind done;
};

StepKinds KindsOf(DialStep::Kind kind) {
  switch (kind) {
    case DialStep::Kind::kDns:
      return {Kind::kDnsStart, Kind::kDnsDone};
    case DialStep::Kind::kConnect:
      return {Kind::kConnectStart, Kind::kConnectDone};
    case DialStep::Kind::kProxy:
      return {Kind::kProxyStart, Kind::kProxyDone};
    case DialStep::Kind::kTls:
      break;
  }
  return {Kind::kTlsStart, Kind::kTlsDone};
}

Duration& PhaseOf(const DialStep& step, Timings& timings) {
  switch (step.kind) {
    case DialStep::Kind::kDns:
      return timings.dns;
    case DialStep::Kind::kConnect:
      return timings.connect;
    case DialStep::Kind::kProxy:
      return timings.proxy;
    case DialStep::Kind::kTls:
      break;
  }
  return step.with_proxy ? timings.proxy : timings.tls;
}

}  // namespace

void AddWait(const Wait& wait, const DialSteps& dial, Timings& timings) {
  Duration rest = wait.ended - wait.began;
  for (const DialStep& step : dial) {
    const Duration part = Overlap(wait, step);
    PhaseOf(step, timings) += part;
    rest -= part;
  }
  timings.queue += rest;
}

void AddEvent(std::vector<TimelineEvent>& timeline, const TimelineEvent& event) {
  const std::size_t room = kMaxTimelineEvents - (event.kind == Kind::kEnded ? 0 : 1);
  if (timeline.size() < room) timeline.push_back(event);
}

void AddDialEvents(const Wait& wait, const DialSteps& dial, std::uint32_t attempt,
                   std::vector<TimelineEvent>& timeline) {
  for (const DialStep& step : dial) {
    if (step.ended <= wait.began || step.began >= wait.ended) continue;
    const StepKinds kinds = KindsOf(step.kind);
    TimelineEvent event{.kind = kinds.start,
                        .at = std::max(wait.began, step.began),
                        .attempt = attempt,
                        .note = step.with_proxy ? "proxy" : ""};
    AddEvent(timeline, event);
    event.kind = kinds.done;
    event.at = std::min(wait.ended, step.ended);
    event.note = Label(step.error);
    AddEvent(timeline, event);
  }
}

void AddExchangeEvents(const ExchangeResult& result, std::uint32_t attempt,
                       std::vector<TimelineEvent>& timeline) {
  const auto add = [&](Kind kind, Instant at) {
    if (at != kNever) AddEvent(timeline, {.kind = kind, .at = at, .attempt = attempt});
  };
  // A head that went out with the whole body has no time of its own.
  add(Kind::kHeadersWritten, std::min(result.headers_written, result.written));
  add(Kind::kWait100, result.waited_100);
  add(Kind::kGot100, result.got_100);
  add(Kind::kWritten, result.written);
  add(Kind::kFirstByte, result.first_byte);
  if (result.failure.has_value()) return;
  // HTTP/2 dates what a turn of its loop brought by the turn's beginning.
  Instant ended = result.ended;
  for (const TimelineEvent& event : timeline) ended = std::max(ended, event.at);
  add(Kind::kBodyDone, ended);
}

void SortEvents(std::vector<TimelineEvent>& timeline) {
  std::stable_sort(timeline.begin(), timeline.end(),
                   [](const TimelineEvent& a, const TimelineEvent& b) {
                     return std::tuple(a.at, a.attempt, Rank(a.kind)) <
                            std::tuple(b.at, b.attempt, Rank(b.kind));
                   });
}

}  // namespace spillway
