#include "cli/waterfall.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "cli/exchange_text.h"
#include "cli/json.h"
#include "cli/text.h"

namespace spillway::cli {
namespace {

using spillway::v1::Attempt;
using spillway::v1::Event;
using spillway::v1::Exchange;
using spillway::v1::Timings;

constexpr std::size_t kNameWidth = 12;
constexpr std::size_t kTimeWidth = 9;
constexpr std::size_t kBarColumn = kNameWidth + kTimeWidth + 2;
constexpr std::size_t kLeastBarWidth = 10;
constexpr std::size_t kMostBarWidth = 100;

// Reads the events of a timeline one after the other.
class Reader {
 public:
  explicit Reader(const Exchange& exchange) : exchange_(exchange) {}

  std::vector<WaterfallSection> Read(const std::vector<Event>& events) {
    for (const Event& event : events) Take(event);
    TitleLast(kForever);
    return std::move(sections_);
  }

 private:
  void Take(const Event& event) {
    const Duration at = DurationOf(event.at());
    switch (event.kind()) {
      case spillway::v1::EVENT_KIND_QUEUED:
        return OnQueued(at);
      case spillway::v1::EVENT_KIND_DNS_START:
      case spillway::v1::EVENT_KIND_CONNECT_START:
      case spillway::v1::EVENT_KIND_PROXY_START:
      case spillway::v1::EVENT_KIND_TLS_START:
        return To("queue", at);
      case spillway::v1::EVENT_KIND_DNS_DONE:
        return To("dns", at);
      case spillway::v1::EVENT_KIND_CONNECT_DONE:
        return To("connect", at);
      case spillway::v1::EVENT_KIND_PROXY_DONE:
        return To("proxy", at);
      case spillway::v1::EVENT_KIND_TLS_DONE:
        return To("tls", at);
      case spillway::v1::EVENT_KIND_GRANTED:
      case spillway::v1::EVENT_KIND_NOT_GRANTED:
        To("queue", at);
        stage_ = event.kind() == spillway::v1::EVENT_KIND_GRANTED ? Stage::kSending : Stage::kOver;
        return;
      case spillway::v1::EVENT_KIND_WAIT_100:
        return To("request", at);
      case spillway::v1::EVENT_KIND_GOT_100:
        response_.reset();
        return To("100", at);
      case spillway::v1::EVENT_KIND_INFORMATIONAL:
        // The first byte was of this one, and the answer is still to come.
        if (stage_ != Stage::kOver) response_.reset();
        return;
      case spillway::v1::EVENT_KIND_HEAD:
        if (stage_ != Stage::kOver && !response_.has_value()) OnFirstByte(at);
        return;
      case spillway::v1::EVENT_KIND_WRITTEN:
        return OnWritten(at);
      case spillway::v1::EVENT_KIND_FIRST_BYTE:
        return OnFirstByte(at);
      case spillway::v1::EVENT_KIND_BODY_DONE:
        return CloseAt(at);
      case spillway::v1::EVENT_KIND_RETRY:
      case spillway::v1::EVENT_KIND_ENDED:
      case spillway::v1::EVENT_KIND_REDIRECT:
        CloseAt(at);
        if (event.kind() == spillway::v1::EVENT_KIND_REDIRECT) redirect_ = event.status();
        return;
      case spillway::v1::EVENT_KIND_BACKOFF:
        backoff_ = at;
        return;
      default:
        return;
    }
  }

  void OnQueued(Duration at) {
    if (backoff_.has_value() && !sections_.empty()) {
      Add("backoff", *std::exchange(backoff_, std::nullopt), at);
    }
    TitleLast(at);
    sections_.emplace_back();
    section_began_ = position_ = at;
    stage_ = Stage::kWaiting;
    response_.reset();
  }

  void OnWritten(Duration at) {
    To("request", at);
    stage_ = Stage::kSent;
  }

  // An early response comes while the request is still being written.
  void OnFirstByte(Duration at) {
    if (stage_ == Stage::kSent) To("first byte", at);
    if (stage_ == Stage::kSent || stage_ == Stage::kSending) response_ = at;
  }

  // What was under way has ended, well or not.
  void CloseAt(Duration at) {
    if (stage_ == Stage::kWaiting) To("queue", at);
    if (stage_ == Stage::kSending && !response_.has_value()) To("request", at);
    if (stage_ == Stage::kSent && !response_.has_value()) To("first byte", at);
    if (response_.has_value()) Add("body", *response_, at);
    response_.reset();
    stage_ = Stage::kOver;
  }

  void To(const char* name, Duration at) {
    Add(name, position_, at);
    position_ = std::max(position_, at);
  }

  void Add(const char* name, Duration from, Duration to) {
    if (!sections_.empty() && to > from) sections_.back().phases.push_back({name, from, to - from});
  }

  // The attempt that ran in the section that ends at `end`.
  const Attempt* AttemptBefore(Duration end) const {
    for (const Attempt& attempt : exchange_.attempt_log()) {
      const Duration start = DurationOf(attempt.start());
      if (start >= section_began_ && start < end) return &attempt;
    }
    return nullptr;
  }

  void TitleLast(Duration end) {
    if (sections_.empty()) return;
    std::string title;
    if (redirected_ != 0) title = "after redirect " + std::to_string(redirected_) + ": ";
    redirected_ = std::exchange(redirect_, 0);
    if (const Attempt* attempt = AttemptBefore(end)) {
      // What else is told of a connection is told of the last attempt's.
      const bool last = attempt == &*exchange_.attempt_log().rbegin();
      title += AttemptTitle(*attempt) + (last ? ConnectionText(exchange_) : "");
      const std::string error = LabelOf(attempt->error());
      if (!error.empty()) title += ": " + error + " (" + LabelOf(attempt->delivery()) + ")";
      if (attempt->status() != 0) title += ": answered " + std::to_string(attempt->status());
    } else {
      title += "no connection";
    }
    sections_.back().title = title;
  }

  static std::string AttemptTitle(const Attempt& attempt) {
    const bool first = attempt.kind() == spillway::v1::ATTEMPT_KIND_FIRST ||
                       attempt.kind() == spillway::v1::ATTEMPT_KIND_UNSPECIFIED;
    return (first ? "" : LabelOf(attempt.kind()) + " on ") + "connection " +
           std::to_string(attempt.connection_id()) + (attempt.reused() ? ", reused" : ", new");
  }

  enum class Stage : std::uint8_t { kWaiting, kSending, kSent, kOver };

  const Exchange& exchange_;
  std::vector<WaterfallSection> sections_;
  Stage stage_ = Stage::kOver;
  Duration section_began_{};
  Duration position_{};               // until here the section is drawn, but for a response
  std::optional<Duration> response_;  // began, and has not ended
  std::optional<Duration> backoff_;
  std::uint32_t redirect_ = 0;    // ended the section that is read now
  std::uint32_t redirected_ = 0;  // ended the one before
};

// One after the other, which is all that sums can tell.
WaterfallSection SectionOf(const Exchange& exchange) {
  const Timings& timings = exchange.timings();
  WaterfallSection section;
  if (exchange.connection_id() != 0) {
    section.title = "connection " + std::to_string(exchange.connection_id()) +
                    (exchange.reused() ? ", reused" : ", new") + ConnectionText(exchange);
  }
  Duration at{};
  const auto add = [&](const char* name, Duration length) {
    if (length > Duration::zero()) section.phases.push_back({name, at, length});
    at += length;
  };
  add("queue", DurationOf(timings.queue()));
  add("dns", DurationOf(timings.dns()));
  add("connect", DurationOf(timings.connect()));
  add("proxy", DurationOf(timings.proxy()));
  add("tls", DurationOf(timings.tls()));
  add("request", DurationOf(timings.write()));
  add("first byte", DurationOf(timings.first_byte()));
  // Without an answer the rest is our own, and no body.
  if (timings.has_first_byte()) add("body", DurationOf(timings.total()) - at);
  return section;
}

double ColumnsOf(Duration at, Duration total, std::size_t width) {
  if (total <= Duration::zero()) return 0;
  const double share = static_cast<double>(at.count()) / static_cast<double>(total.count());
  return std::clamp(share, 0.0, 1.0) * static_cast<double>(width);
}

// What happened is at least one mark wide.
std::string Bar(const PhaseSpan& span, Duration total, std::size_t width, bool utf8) {
  constexpr std::array<const char*, 8> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double from = ColumnsOf(span.start, total, width);
  const double to = ColumnsOf(span.start + span.length, total, width);
  const std::size_t begin = std::min(static_cast<std::size_t>(from), width - 1);
  std::string bar(begin, ' ');
  if (!utf8) {
    const auto end = std::max(static_cast<std::size_t>(to), begin + 1);
    return bar + std::string(end - begin, '#');
  }
  const auto eighths =
      static_cast<std::size_t>(std::max(1.0, std::round((to - static_cast<double>(begin)) * 8)));
  for (std::size_t i = 0; i < eighths / 8; ++i) bar += "█";
  return bar + kEighths[eighths % 8];
}

}  // namespace

std::vector<WaterfallSection> SectionsOf(const Exchange& exchange) {
  if (exchange.timeline().empty()) return {SectionOf(exchange)};
  std::vector<Event> events(exchange.timeline().begin(), exchange.timeline().end());
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return DurationOf(a.at()) < DurationOf(b.at());
  });
  return Reader(exchange).Read(events);
}

std::string Waterfall(const Exchange& exchange, const Canvas& canvas) {
  const std::size_t room = canvas.width > kBarColumn ? canvas.width - kBarColumn : 0;
  const std::size_t width = std::clamp(room, kLeastBarWidth, kMostBarWidth);
  const Duration total = DurationOf(exchange.timings().total());
  std::string text;
  for (const WaterfallSection& section : SectionsOf(exchange)) {
    if (!section.title.empty()) text += section.title + "\n";
    for (const PhaseSpan& span : section.phases) {
      text += PadRight(span.name, kNameWidth) + PadLeft(TimeText(span.length), kTimeWidth) + "  " +
              Bar(span, total, width, canvas.utf8) + "\n";
    }
  }
  return text + PadRight("total", kNameWidth) + PadLeft(TimeText(total), kTimeWidth) + "\n";
}

}  // namespace spillway::cli
