#include "tests/ledger/entry.h"

#include <sstream>

namespace spillway {
namespace {

struct Trace {
  std::uint32_t heads = 0;
  std::uint32_t answers = 0;
  bool digest_right = true;
  bool method_right = true;
};

class Joiner {
 public:
  Joiner(std::uint32_t max_attempts, std::size_t max) : max_attempts_(max_attempts), max_(max) {}

  void Check(const CallerEntry& entry, const Trace& trace) {
    Rule(1, entry.ends == 1, entry, "does not have exactly one outcome");
    if (entry.ok) {
      Rule(2, trace.answers >= 1 && (entry.idempotent || trace.answers == 1), entry,
           "is ok without exactly one answer of the origin");
      Rule(2, entry.echoed_id == entry.id, entry, "got somebody else's answer");
      Rule(2, entry.echoed_digest == entry.body_digest, entry, "arrived with another body");
      Rule(2, entry.response_body_right, entry, "got another response body");
    } else {
      Rule(1, !entry.reason.empty() && !entry.delivery.empty(), entry, "failed without saying why");
    }
    Rule(2, trace.digest_right, entry, "was seen by the origin with another body");
    Rule(3, entry.delivery != "not_sent" || trace.heads == 0, entry,
         "is said not to be sent but was seen");
    Rule(3, entry.delivery != "unprocessed" || trace.heads == 0, entry,
         "is said to be refused unseen but was seen");
    Rule(4, entry.idempotent || trace.heads <= 1, entry, "is not idempotent and was seen twice");
    Rule(5, trace.heads <= entry.attempts && entry.attempts <= max_attempts_, entry,
         "was seen more often than attempts are told or allowed");
    Rule(5, trace.heads <= 1 || entry.failed_attempts_logged + 1 >= trace.heads, entry,
         "was repeated without a logged reason");
    Rule(6, trace.method_right, entry, "was seen with another method");
    Rule(8, !entry.denied || (trace.heads == 0 && !entry.ok), entry,
         "reached an address that policy refuses");
    Rule(9, !entry.foreign_bytes, entry, "got bytes that are not its own");
  }

  void Complain(const std::string& sentence) {
    if (complaints_.size() < max_) complaints_.push_back(sentence);
  }
  std::vector<std::string> Take() { return std::move(complaints_); }

 private:
  void Rule(int number, bool holds, const CallerEntry& entry, const char* sentence) {
    if (holds) return;
    Complain("rule " + std::to_string(number) + ": " + entry.id + " " + entry.method + " " +
             sentence + " (ok=" + std::to_string(static_cast<int>(entry.ok)) +
             " reason=" + entry.reason + " delivery=" + entry.delivery +
             " attempts=" + std::to_string(entry.attempts) + ")");
  }

  const std::uint32_t max_attempts_;
  const std::size_t max_;
  std::vector<std::string> complaints_;
};

}  // namespace

std::string LineOf(const OriginEvent& event) {
  return std::string(1, static_cast<char>(event.kind)) + " " + event.id + " " +
         std::to_string(event.connection) + " " + event.method + " " +
         std::to_string(event.digest) + "\n";
}

std::optional<OriginEvent> ReadLine(std::string_view line) {
  std::istringstream words{std::string(line)};
  char kind = 0;
  OriginEvent event;
  if (!(words >> kind >> event.id >> event.connection >> event.method >> event.digest)) {
    return std::nullopt;
  }
  if (kind != 'H' && kind != 'B' && kind != 'A') return std::nullopt;
  event.kind = static_cast<OriginEvent::Kind>(kind);
  return event;
}

std::uint64_t Digest(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

std::string ResponseBodyOf(std::string_view id) {
  const std::size_t copies = 1 + Digest(id) % 64;
  std::string body;
  for (std::size_t i = 0; i < copies; ++i) body += id;
  return body;
}

std::string ResponseBodyOf(std::string_view id, std::uint64_t bytes) {
  std::string body;
  body.reserve(bytes + id.size());
  while (body.size() < bytes) body += id;
  body.resize(bytes);
  return body;
}

std::vector<std::string> Join(const std::vector<CallerEntry>& callers,
                              const std::vector<OriginEvent>& events, std::uint32_t max_attempts,
                              std::size_t max) {
  Joiner joiner(max_attempts, max);
  std::map<std::string_view, Trace> traces;
  std::map<std::string_view, const CallerEntry*> by_id;
  for (const CallerEntry& entry : callers) {
    if (!by_id.emplace(entry.id, &entry).second) joiner.Complain("rule 1: id twice " + entry.id);
  }
  for (const OriginEvent& event : events) {
    const auto at = by_id.find(event.id);
    if (at == by_id.end()) {
      joiner.Complain("the origin saw an id nobody sent: " + event.id);
      continue;
    }
    Trace& trace = traces[event.id];
    if (event.kind == OriginEvent::Kind::kHead) ++trace.heads;
    if (event.kind == OriginEvent::Kind::kAnswer) ++trace.answers;
    trace.method_right = trace.method_right && event.method == at->second->method;
    if (event.kind == OriginEvent::Kind::kBody) {
      trace.digest_right = trace.digest_right && event.digest == at->second->body_digest;
    }
  }
  for (const CallerEntry& entry : callers) joiner.Check(entry, traces[entry.id]);
  return joiner.Take();
}

}  // namespace spillway
