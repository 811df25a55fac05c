// An origin of the two-ledger tests inside the test's process: HTTP/1.1 or HTTP/2, with or without
// TLS, faulty by seed, with a ledger that also tells whose certificate a request came under.
//
// Thread safety: every function may be called from any thread.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/ledger/entry.h"
#include "tests/origin/origin.h"

namespace spillway {

class MixedOrigin {
 public:
  enum class Kind : std::uint8_t { kHttp1, kHttps1, kHttps2, kH2c };
  MixedOrigin(Kind kind, std::uint64_t seed, std::uint64_t faults_per_million);

  std::uint16_t port() const { return origin_->port(); }
  Origin& origin() { return *origin_; }
  std::vector<OriginEvent> Events() const;
  // Common names of the clients that sent `id`, one per head; "" without a certificate.
  std::map<std::string, std::vector<std::string>> Clients() const;

 private:
  bool http2() const { return kind_ == Kind::kHttps2 || kind_ == Kind::kH2c; }
  std::optional<Script> OnHead(const SeenRequest& request, std::uint64_t connection);
  Script Answered(const SeenRequest& request, std::uint64_t connection);

  const Kind kind_;
  const std::uint64_t seed_;
  const std::uint64_t faults_per_million_;
  mutable std::mutex mu_;
  std::vector<OriginEvent> events_;
  std::map<std::string, std::vector<std::string>> clients_;
  std::unique_ptr<Origin> origin_;  // last: its threads use the rest
};

}  // namespace spillway
