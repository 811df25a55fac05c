// A client and a server of TLS in one thread: what the tests of TlsStream stand on.

#pragma once

#include <memory>
#include <string>
#include <utility>

#include "tests/harness/certificates.h"
#include "tests/harness/memory_stream.h"
#include "tests/harness/memory_tls_server.h"
#include "transport/base/check.h"
#include "transport/io/tls_profile_check.h"
#include "transport/io/tls_stream.h"

namespace spillway {

// One hierarchy for all tests: root, intermediate, leaves.
inline const TestCertificate& Root() {
  static const TestCertificate root = TestCertificate::Root();
  return root;
}

inline const TestCertificate& Intermediate() {
  static const TestCertificate issued =
      Root().Issue({.common_name = "intermediate", .authority = true});
  return issued;
}

inline TestCertificate Leaf(const std::string& host = "a.example.com") {
  return Intermediate().IssueFor(host);
}

// A profile that trusts `root` alone.
inline TlsProfile Trusting(const TestCertificate& root) {
  TlsProfile profile;
  profile.system_roots = false;
  profile.roots_pem = root.pem();
  return profile;
}

inline TlsProfilePtr Sealed(TlsProfile profile) {
  Result<TlsProfilePtr> sealed = SealTlsProfile(std::move(profile));
  SPILLWAY_CHECK(sealed.has_value());
  return *sealed;
}

inline TlsStep StepFor(const TlsProfilePtr& profile, const std::string& host,
                       HostKind kind = HostKind::kName) {
  TlsStep step;
  step.profile = profile;
  step.sni = kind == HostKind::kName ? host : "";
  step.verify_name = host;
  step.verify_kind = kind;
  step.session_key = host;
  return step;
}

// One connection: a TlsStream with a MemoryTlsServer behind it.
struct TlsPair {
  TlsPair(const MemoryTlsContext& server_context, const TlsStep& step,
          TlsSessionCache* sessions = nullptr)
      : server(server_context, link) {
    auto context = TlsContext::Create(*step.profile);
    SPILLWAY_CHECK(context.has_value());
    client =
        std::make_unique<TlsStream>(std::make_unique<MemoryStream>(link), *context, step, sessions);
  }

  // Until the client is through or has failed. A server that failed closes.
  ByteStream::Status Handshake() {
    ByteStream::Status status = ByteStream::Status::kWantRead;
    for (int round = 0; round < 10'000; ++round) {
      status = client->Handshake();
      if (status == ByteStream::Status::kOk || status == ByteStream::Status::kError) break;
      server.Step();
      link->far_closed = server.failed();
    }
    server.Step();
    return status;
  }

  // All that the client can read now; `end` is what it said last.
  std::string ReadAll(std::size_t buffer_size = 64 * 1024) {
    std::string text;
    std::string buffer(buffer_size, '\0');
    while (true) {
      const ByteStream::Io io = client->Read(buffer);
      end = io.status;
      if (io.status != ByteStream::Status::kOk) return text;
      text.append(buffer.data(), io.bytes);
    }
  }

  ByteStream::Io Write(std::string text) {
    const iovec part{text.data(), text.size()};
    return client->Write(std::span(&part, 1));
  }

  std::shared_ptr<MemoryLink> link = std::make_shared<MemoryLink>();
  MemoryTlsServer server;
  std::unique_ptr<TlsStream> client;
  ByteStream::Status end = ByteStream::Status::kOk;
};

inline constexpr const char* kHost = "a.example.com";

// For kHost, trusting Root().
inline TlsStep Step(TlsVersion maximum = TlsVersion::kTls13) {
  TlsProfile profile = Trusting(Root());
  profile.max_version = maximum;
  return StepFor(Sealed(profile), kHost);
}

// A pair whose handshake is over and whose tickets were read.
struct OpenPair : TlsPair {
  explicit OpenPair(const MemoryTlsContext& context, const TlsStep& step = Step(),
                    TlsSessionCache* sessions = nullptr)
      : TlsPair(context, step, sessions) {
    SPILLWAY_CHECK(Handshake() == ByteStream::Status::kOk);
    SPILLWAY_CHECK(ReadAll().empty() && end == ByteStream::Status::kWantRead);
  }
};

// For kHost, of Root().
inline const MemoryTlsContext& Server() {
  static const MemoryTlsContext context(Leaf());
  return context;
}

}  // namespace spillway
