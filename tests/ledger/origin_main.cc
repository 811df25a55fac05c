// The origin of the two-ledger tests, as a process of its own so that it can be killed.
//
// ledger_origin LEDGER_FILE PORT HTTP2_PORT SEED FAULTS_PER_MILLION
// Serves HTTP/1.1 on one port and HTTP/2 on the other; prints both, then serves until its standard
// input ends.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "tests/ledger/entry.h"
#include "tests/ledger/faults.h"
#include "tests/origin/origin.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

// Appends lines; each is one write, so a sudden death cuts at most the last one.
class LedgerFile {
 public:
  explicit LedgerFile(const char* path)
      : fd_(open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) {}
  bool ok() const { return fd_ >= 0; }
  void Append(const OriginEvent& event) const {
    const std::string line = LineOf(event);
    if (write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
  }

 private:
  int fd_;
};

// What a request's target asks for: "/ID" or "/ID?BYTES".
struct Asked {
  std::string id;
  std::optional<std::uint64_t> bytes;
};

Asked AskedBy(const SeenRequest& request) {
  const std::size_t mark = request.target.find('?');
  if (mark == std::string::npos) return {request.target.substr(1), std::nullopt};
  return {request.target.substr(1, mark - 1),
          ReadNumber(std::string_view(request.target).substr(mark + 1))};
}

// In chunks of sizes by `draw`, with a trailer.
std::string ChunkedAnswer(std::string_view body, const std::string& headers, std::uint64_t draw) {
  std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + headers + "\r\n";
  std::array<char, 24> line{};
  const std::size_t largest = 1 + body.size() / (1 + draw % 8);
  for (std::uint64_t i = 0; !body.empty(); ++i) {
    const std::size_t size = std::min<std::size_t>(body.size(), 1 + (draw >> (i % 32)) % largest);
    std::snprintf(line.data(), line.size(), "%zx\r\n", size);
    answer.append(line.data()).append(body.substr(0, size)).append("\r\n");
    body.remove_prefix(size);
  }
  return answer + "0\r\nX-Sum: 1\r\n\r\n";
}

class LedgerOrigin {
 public:
  LedgerOrigin(const LedgerFile& ledger, std::uint16_t port, bool http2, std::uint64_t seed,
               std::uint64_t ppm)
      : ledger_(ledger), http2_(http2), seed_(seed), ppm_(ppm), origin_(Options(port)) {}
  const Origin& origin() const { return origin_; }

 private:
  OriginOptions Options(std::uint16_t port) {
    OriginOptions options;
    options.port = port;
    options.keep_requests = false;
    options.http2 = http2_;
    options.on_head = [this](const SeenRequest& request, std::uint64_t connection) {
      return OnHead(request, connection);
    };
    options.handler = [this](const SeenRequest& request, std::uint64_t connection) {
      return Answered(request, connection);
    };
    return options;
  }

  std::optional<Script> OnHead(const SeenRequest& request, std::uint64_t connection) {
    const std::string id = AskedBy(request).id;
    if (http2_) {
      // Before it is written down: the origin says that it did not look at it.
      Script refusal = Http2Refusal(seed_, id, connection, ppm_ / 2);
      if (!refusal.empty()) return refusal;
    }
    ledger_.Append({OriginEvent::Kind::kHead, id, connection, request.method, 0});
    const Fault fault = FaultFor(seed_, id, connection, ppm_);
    if (!IsBeforeBody(fault)) return std::nullopt;
    return http2_ ? Http2ScriptOf(fault, "\r\n\r\n") : ScriptOf(fault, "\r\n\r\n");
  }

  Script Answered(const SeenRequest& request, std::uint64_t connection) {
    const Asked asked = AskedBy(request);
    const std::uint64_t digest = Digest(request.body);
    ledger_.Append({OriginEvent::Kind::kBody, asked.id, connection, request.method, digest});
    const Fault fault = FaultFor(seed_, asked.id, connection, ppm_);
    if (Answers(fault)) {
      ledger_.Append({OriginEvent::Kind::kAnswer, asked.id, connection, request.method, digest});
    }
    const std::string headers =
        "X-Id: " + asked.id + "\r\nX-Digest: " + std::to_string(digest) + "\r\n";
    const std::string body =
        asked.bytes.has_value() ? ResponseBodyOf(asked.id, *asked.bytes) : ResponseBodyOf(asked.id);
    if (http2_) return Http2ScriptOf(fault, Answer(200, body, headers));
    const std::uint64_t draw = Draw(seed_, asked.id, 51);
    const bool chunked = asked.bytes.has_value() && draw % 3 == 0;
    return ScriptOf(
        fault, chunked ? ChunkedAnswer(body, headers, draw >> 8U) : Answer(200, body, headers));
  }

  const LedgerFile& ledger_;
  const bool http2_;
  const std::uint64_t seed_;
  const std::uint64_t ppm_;
  Origin origin_;  // last: its threads use the rest
};

int Serve(const LedgerFile& ledger, std::uint16_t port, std::uint16_t http2_port,
          std::uint64_t seed, std::uint64_t ppm) {
  const LedgerOrigin first(ledger, port, false, seed, ppm);
  const LedgerOrigin second(ledger, http2_port, true, seed, ppm);
  if (!first.origin().listening() || !second.origin().listening()) return 1;
  std::printf("%u %u\n", static_cast<unsigned>(first.origin().port()),
              static_cast<unsigned>(second.origin().port()));
  std::fflush(stdout);
  std::array<char, 64> buffer{};
  while (read(STDIN_FILENO, buffer.data(), buffer.size()) > 0) {
  }
  return 0;
}

int Main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr,
                 "usage: ledger_origin LEDGER_FILE PORT HTTP2_PORT SEED FAULTS_PER_MILLION\n");
    return 2;
  }
  const LedgerFile ledger(argv[1]);
  std::array<std::uint64_t, 4> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = ReadNumber(argv[i + 2]);
    if (!number.has_value() || !ledger.ok()) return 2;
    numbers[i] = *number;
  }
  return Serve(ledger, static_cast<std::uint16_t>(numbers[0]),
               static_cast<std::uint16_t>(numbers[1]), numbers[2], numbers[3]);
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) { return spillway::Main(argc, argv); }
