#include "tests/hostile/judge.h"

#include <algorithm>
#include <utility>

#include "tests/origin/text.h"

namespace spillway {
namespace {

// "Name: value" is among `fields`.
bool HasField(const HeaderList& fields, const std::string& wanted) {
  return std::any_of(fields.begin(), fields.end(), [&](const HeaderField& field) {
    return field.name + ": " + field.value == wanted;
  });
}

std::string_view NameOf(BodyKind kind) {
  switch (kind) {
    case BodyKind::kNone:
      return "none";
    case BodyKind::kLength:
      return "length";
    case BodyKind::kChunked:
      return "chunked";
    case BodyKind::kUntilClose:
      return "until_close";
    case BodyKind::kTunnel:
      return "tunnel";
  }
  return "";
}

bool OnePrintableLine(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// The row's own requests, all attempts, in order of connection.
std::vector<SeenRequest> RowRequests(const std::vector<SeenConnection>& seen) {
  std::vector<SeenRequest> requests;
  for (const SeenConnection& connection : seen) {
    for (const SeenRequest& request : connection.requests) {
      if (request.target != "/warm" && request.target != "/probe") requests.push_back(request);
    }
  }
  return requests;
}

}  // namespace

bool Judge::MustClose(const Expectation& expectation) {
  switch (expectation.outcome) {
    case Outcome::kReuse:
    case Outcome::kRefused:
    case Outcome::kNotSent:
      return false;
    case Outcome::kClose:
    case Outcome::kReject:
    case Outcome::kTrunc:
    case Outcome::kAmbiguous:
    case Outcome::kRetried:
    case Outcome::kCancelled:
      return !expectation.facts.contains("kept");
  }
  return false;
}

void Judge::Require(bool condition, const std::string& sentence) {
  if (!condition) complaints_.push_back(sentence + " [" + story_.Text() + "]");
}

void Judge::Equal(const std::string& what, const std::string& got, const std::string& wanted) {
  if (got == wanted) return;
  complaints_.push_back(what + " is '" + Escape(got).substr(0, 300) + "', wanted '" +
                        Escape(wanted).substr(0, 300) + "' [" + story_.Text() + "]");
}

void Judge::CheckCaller() {
  for (const std::string& violation : story_.violations) complaints_.push_back(violation);
  Require(story_.ends == 1, "not exactly one end");
  CheckOutcome();
  for (const auto& [fact, value] : row_.expectation.facts) CheckFact(fact, value);
  CheckMessage();
}

void Judge::CheckOutcome() {
  const bool failed = story_.record.failure.has_value();
  const Delivery delivery = story_.delivery();
  const bool says_delivery =
      row_.expectation.facts.contains("delivery") || row_.expectation.facts.contains("undelivered");
  switch (row_.expectation.outcome) {
    case Outcome::kReuse:
    case Outcome::kClose:
      Require(!failed, "should have succeeded");
      return;
    case Outcome::kRetried:
      Require(!failed, "should have succeeded");
      Require(story_.record.attempts > 1, "should have taken more than one attempt");
      return;
    case Outcome::kReject:
      Require(failed && (story_.record.failure->source == Source::kOrigin ||
                         row_.expectation.facts.contains("source")),
              "should be an error of the origin's making");
      Require(says_delivery || delivery == Delivery::kUnknown || delivery == Delivery::kAnswered,
              "the origin had the request: delivery must say so");
      return;
    case Outcome::kTrunc:
      Require(failed && delivery == Delivery::kAnswered, "should be an error with ANSWERED");
      Require(story_.head.has_value(), "the head should have been delivered");
      Require(!story_.trailers.has_value(), "a cut body must not look complete");
      return;
    case Outcome::kAmbiguous:
      Require(failed && delivery == Delivery::kUnknown, "should be an error with UNKNOWN");
      return;
    case Outcome::kNotSent:
      Require(failed && delivery == Delivery::kNotSent, "should be an error with NOT_SENT");
      return;
    case Outcome::kRefused:
      Require(failed && delivery == Delivery::kNotSent, "should be an error with NOT_SENT");
      Require(
          story_.reason() == Reason::kHttpRequestError || story_.reason() == Reason::kUnimplemented,
          "should be the request's own fault");
      return;
    case Outcome::kCancelled:
      Require(story_.reason() == Reason::kCancelled, "should be cancelled");
      return;
  }
}

void Judge::CheckFact(const std::string& fact, const std::string& value) {
  const auto& failure = story_.record.failure;
  if (fact == "reason") Equal(fact, std::string(Label(story_.reason())), value);
  if (fact == "phase") Equal(fact, std::string(Label(story_.phase())), value);
  if (fact == "delivery") Equal(fact, std::string(Label(story_.delivery())), value);
  if (fact == "source") {
    Equal(fact, std::string(Label(failure.has_value() ? failure->source : Source::kNone)), value);
  }
  if (fact == "undelivered") {
    Require(story_.delivery() == Delivery::kNotSent || story_.delivery() == Delivery::kUnprocessed,
            "nothing can have been processed: delivery must say so");
  }
  if (fact == "field") Equal(fact, failure.has_value() ? failure->field : "", value);
  if (fact == "body") Equal(fact, story_.body, value);
  if (fact == "body_bytes") Equal(fact, std::to_string(story_.body_bytes), value);
  if (fact == "attempts") Equal(fact, std::to_string(story_.record.attempts), value);
  if (fact == "informational") {
    Equal(fact, std::to_string(story_.informational.size()), value);
  }
  if (fact == "trailer") {
    Require(story_.trailers.has_value() && HasField(*story_.trailers, value),
            "the trailer is missing: " + value);
  }
  if (fact == "body_kind") Equal(fact, std::string(NameOf(story_.kind)), value);
  if (fact == "reused") Equal(fact, story_.record.reused ? "1" : "0", value);
  if (fact == "headless") Require(!story_.head.has_value(), "no head should have been delivered");
  CheckHead(fact, value);
}

void Judge::CheckHead(const std::string& fact, const std::string& value) {
  if (fact == "status") {
    Equal(fact, std::to_string(story_.head.has_value() ? story_.head->status : 0), value);
  } else if (fact == "why") {
    Equal(fact, story_.head.has_value() ? story_.head->reason : "(no head)", value);
  } else if (fact == "header") {
    Require(story_.head.has_value() && HasField(story_.head->headers, value),
            "the header is missing: " + Escape(value));
  } else if (fact == "no_header") {
    Require(story_.head.has_value() && !story_.head->headers.Has(value),
            "the header should not be there: " + value);
  }
}

void Judge::CheckMessage() {
  if (!story_.record.failure.has_value()) return;
  const Failure& failure = *story_.record.failure;
  Require(!failure.message.empty() && failure.message.size() <= kMaxFailureMessage,
          "the message is empty or too long");
  Require(OnePrintableLine(failure.message) && OnePrintableLine(failure.field),
          "the message is not one printable line");
  for (const auto& [name, value] : row_.headers) {
    Require(value.size() < 4 || failure.message.find(value) == std::string::npos,
            "the message echoes a header value");
  }
}

bool Judge::Repeatable() const {
  const bool by_method = row_.method == "GET" || row_.method == "HEAD" || row_.method == "OPTIONS";
  const auto has = [this](const char* option) {
    return std::any_of(row_.options.begin(), row_.options.end(),
                       [&](const auto& pair) { return pair.first == option; });
  };
  const bool by_key = std::any_of(row_.headers.begin(), row_.headers.end(), [](const auto& field) {
    return field.first == "Idempotency-Key" || field.first == "X-Idempotency-Key";
  });
  // The origin said that it had not processed it: so often it said so, so often it may come.
  if (row_.expectation.facts.contains("unprocessed")) return true;
  return (by_method || by_key || has("idempotent")) && !has("not_idempotent");
}

void Judge::CheckSafety(const std::vector<SeenConnection>& seen) {
  const std::size_t arrived = RowRequests(seen).size();
  Require(arrived <= story_.record.attempts, "more requests arrived than attempts are told");
  Require(Repeatable() || arrived <= 1, "a request that is not idempotent arrived twice");
  Require(story_.delivery() != Delivery::kNotSent || arrived == 0,
          "NOT_SENT, but the origin saw the request");
  for (const SeenConnection& connection : seen) {
    Require(connection.http2.error.empty(), "we broke HTTP/2: " + connection.http2.error);
    for (const SeenRequest& request : connection.requests) {
      Require(request.well_formed, "malformed request on the wire: " + Escape(request.head));
    }
  }
}

void Judge::CheckWire(const std::string& fact, const std::string& value,
                      const std::vector<SeenConnection>& seen) {
  const std::vector<SeenRequest> requests = RowRequests(seen);
  if (fact == "seen") Equal("requests at the origin", std::to_string(requests.size()), value);
  if (fact == "connections") {
    Equal("connections at the origin", std::to_string(seen.size()), value);
  }
  if (fact == "line") {
    const std::string head = requests.empty() ? "" : requests.back().head;
    Equal("request line", head.substr(0, head.find("\r\n")), value);
  }
  if (fact == "sent") {
    const auto lines = [&](const SeenRequest& request) {
      const std::string line = "\r\n" + value + "\r\n";
      const std::size_t at = request.head.find(line);
      return at != std::string::npos && request.head.find(line, at + 1) == std::string::npos;
    };
    Require(!requests.empty() && lines(requests.back()),
            "the origin did not get this line exactly once: " + value);
  }
  if (fact == "not_sent_field") {
    Require(!requests.empty() && requests.back().Count(value) == 0,
            "the origin got the field " + value);
  }
  CheckTls(fact, value, seen);
  if (fact == "sent_body") Equal("body", requests.empty() ? "" : requests.back().body, value);
}

void Judge::CheckTls(const std::string& fact, const std::string& value,
                     const std::vector<SeenConnection>& seen) {
  const SeenTls tls = seen.empty() ? SeenTls() : seen.back().tls;
  if (fact == "sni") Equal(fact, tls.server_name, value);
  if (fact == "alpn") Equal(fact, tls.alpn, value);
  if (fact == "tls") Equal(fact, tls.version, value);
  if (fact == "resumed") Equal(fact, tls.resumed ? "1" : "0", value);
  if (fact == "client") Equal(fact, tls.client, value);
  if (fact == "alert") Equal(fact, tls.alert, value);
  if (fact == "handshakes") {
    const auto count = std::count_if(seen.begin(), seen.end(),
                                     [](const SeenConnection& one) { return one.tls.finished; });
    Equal(fact, std::to_string(count), value);
  }
  if (fact == "offered") {
    std::string offered;
    for (const std::string& one : tls.offered) offered += (offered.empty() ? "" : ",") + one;
    Equal(fact, offered, value);
  }
}

void Judge::CheckHttp2(const std::string& fact, const std::string& value,
                       const std::vector<SeenConnection>& seen) {
  std::string resets;
  std::string goaways;
  for (const SeenConnection& connection : seen) {
    for (const auto& [stream, code] : connection.http2.resets) resets += code + " ";
    for (const auto& [last, code] : connection.http2.goaways) goaways += code + " ";
  }
  if (fact == "reset") {
    Require(resets.find(value) != std::string::npos, "no RST_STREAM " + value + " in: " + resets);
  }
  if (fact == "goaway") {
    Require(goaways.find(value) != std::string::npos, "no GOAWAY " + value + " in: " + goaways);
  }
  if (fact == "unbroken") {
    Require(goaways.empty() && resets.empty(), "GOAWAY or RST_STREAM: " + goaways + resets);
  }
}

void Judge::CheckProbe(bool old_connection, bool dialled_again) {
  const auto& facts = row_.expectation.facts;
  switch (row_.expectation.outcome) {
    case Outcome::kReuse:
      Require(old_connection && !dialled_again, "the connection should have been reused");
      return;
    case Outcome::kRetried:
      Require(facts.contains("then_closed") != old_connection,
              "the probe should have used the connection of the last attempt");
      return;
    case Outcome::kClose:
    case Outcome::kReject:
    case Outcome::kTrunc:
    case Outcome::kAmbiguous:
    case Outcome::kCancelled:
      Require(!old_connection || facts.contains("kept"),
              "the probe should have had a new connection");
      Require(!old_connection || !facts.contains("fresh"),
              "the probe should not have used the old connection");
      Require(old_connection || !facts.contains("same"),
              "the probe should have used the connection that was there");
      return;
    case Outcome::kNotSent:
    case Outcome::kRefused:
      return;
  }
}

void Judge::CheckOrigin(const std::vector<SeenConnection>& before_probe,
                        const std::vector<SeenConnection>& after_probe, std::uint64_t probe_on) {
  CheckSafety(before_probe);
  for (const auto& [fact, value] : row_.expectation.facts) {
    CheckWire(fact, value, before_probe);
    // What is sent beside an outcome may arrive behind it.
    CheckHttp2(fact, value, after_probe);
  }
  if (row_.expectation.outcome == Outcome::kRefused) {
    Require(before_probe.empty(), "a refused request was dialled");
  }
  if (probe_on == 0) return;
  CheckProbe(probe_on <= before_probe.size(), after_probe.size() > before_probe.size());
}

}  // namespace spillway
