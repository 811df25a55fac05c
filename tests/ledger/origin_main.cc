// The origin of the two-ledger tests, as a process of its own so that it can be killed.
//
// ledger_origin LEDGER_FILE PORT SEED FAULTS_PER_MILLION
// Prints its port, then serves until its standard input ends.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

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

int Serve(const LedgerFile& ledger, std::uint16_t port, std::uint64_t seed, std::uint64_t ppm) {
  const auto id_of = [](const SeenRequest& request) { return request.target.substr(1); };
  OriginOptions options;
  options.port = port;
  options.keep_requests = false;
  options.on_head = [&](const SeenRequest& request,
                        std::uint64_t connection) -> std::optional<Script> {
    const std::string id = id_of(request);
    ledger.Append({OriginEvent::Kind::kHead, id, connection, request.method, 0});
    const Fault fault = FaultFor(seed, id, connection, ppm);
    if (!IsBeforeBody(fault)) return std::nullopt;
    return ScriptOf(fault, "\r\n\r\n");
  };
  options.handler = [&](const SeenRequest& request, std::uint64_t connection) {
    const std::string id = id_of(request);
    const std::uint64_t digest = Digest(request.body);
    ledger.Append({OriginEvent::Kind::kBody, id, connection, request.method, digest});
    const Fault fault = FaultFor(seed, id, connection, ppm);
    if (Answers(fault)) {
      ledger.Append({OriginEvent::Kind::kAnswer, id, connection, request.method, digest});
    }
    const std::string headers = "X-Id: " + id + "\r\nX-Digest: " + std::to_string(digest) + "\r\n";
    return ScriptOf(fault, Answer(200, ResponseBodyOf(id), headers));
  };
  Origin origin(std::move(options));
  if (!origin.listening()) return 1;
  std::printf("%u\n", static_cast<unsigned>(origin.port()));
  std::fflush(stdout);
  std::array<char, 64> buffer{};
  while (read(STDIN_FILENO, buffer.data(), buffer.size()) > 0) {
  }
  return 0;
}

int Main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: ledger_origin LEDGER_FILE PORT SEED FAULTS_PER_MILLION\n");
    return 2;
  }
  const LedgerFile ledger(argv[1]);
  const auto port = ReadNumber(argv[2]);
  const auto seed = ReadNumber(argv[3]);
  const auto ppm = ReadNumber(argv[4]);
  if (!ledger.ok() || !port.has_value() || !seed.has_value() || !ppm.has_value()) return 2;
  return Serve(ledger, static_cast<std::uint16_t>(*port), *seed, *ppm);
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) { return spillway::Main(argc, argv); }
