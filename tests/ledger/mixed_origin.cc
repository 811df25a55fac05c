#include "tests/ledger/mixed_origin.h"

#include <utility>

#include "tests/harness/test_tls.h"
#include "tests/ledger/faults.h"

namespace spillway {
namespace {

std::string IdOf(const SeenRequest& request) { return request.target.substr(1); }

}  // namespace

MixedOrigin::MixedOrigin(Kind kind, std::uint64_t seed, std::uint64_t faults_per_million)
    : kind_(kind), seed_(seed), faults_per_million_(faults_per_million) {
  OriginOptions options;
  options.keep_requests = false;
  options.http2 = kind == Kind::kH2c;
  options.https = kind == Kind::kHttps1 || kind == Kind::kHttps2;
  options.tls = kind == Kind::kHttps2 ? "client_ca=clients alpn=h2" : "client_ca=clients";
  options.tls_keys = TestTls().keys;
  options.on_head = [this](const SeenRequest& request, std::uint64_t connection) {
    return OnHead(request, connection);
  };
  options.handler = [this](const SeenRequest& request, std::uint64_t connection) {
    return Answered(request, connection);
  };
  origin_ = std::make_unique<Origin>(std::move(options));
}

std::optional<Script> MixedOrigin::OnHead(const SeenRequest& request, std::uint64_t connection) {
  const std::string id = IdOf(request);
  if (http2()) {
    // Before it is written down: the origin says that it did not look at it.
    Script refusal = Http2Refusal(seed_, id, connection, faults_per_million_ / 2);
    if (!refusal.empty()) return refusal;
  }
  const Fault fault = FaultFor(seed_, id, connection, faults_per_million_);
  const std::lock_guard lock(mu_);
  events_.push_back({OriginEvent::Kind::kHead, id, connection, request.method, 0});
  clients_[id].push_back(origin_->log().TlsOf(connection).client);
  if (!IsBeforeBody(fault)) return std::nullopt;
  return http2() ? Http2ScriptOf(fault, "\r\n\r\n") : ScriptOf(fault, "\r\n\r\n");
}

Script MixedOrigin::Answered(const SeenRequest& request, std::uint64_t connection) {
  const std::string id = IdOf(request);
  const std::uint64_t digest = Digest(request.body);
  const Fault fault = FaultFor(seed_, id, connection, faults_per_million_);
  {
    const std::lock_guard lock(mu_);
    events_.push_back({OriginEvent::Kind::kBody, id, connection, request.method, digest});
    if (spillway::Answers(fault)) {
      events_.push_back({OriginEvent::Kind::kAnswer, id, connection, request.method, digest});
    }
  }
  const std::string headers = "X-Id: " + id + "\r\nX-Digest: " + std::to_string(digest) + "\r\n";
  const std::string answer = Answer(200, ResponseBodyOf(id), headers);
  return http2() ? Http2ScriptOf(fault, answer) : ScriptOf(fault, answer);
}

std::vector<OriginEvent> MixedOrigin::Events() const {
  const std::lock_guard lock(mu_);
  return events_;
}

std::map<std::string, std::vector<std::string>> MixedOrigin::Clients() const {
  const std::lock_guard lock(mu_);
  return clients_;
}

}  // namespace spillway
