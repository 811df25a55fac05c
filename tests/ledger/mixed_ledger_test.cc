// Two ledgers over everything at once: HTTP/1.1 and HTTP/2, clear text and mutual TLS, direct and
// through a proxy, while the policy is replaced and the client certificate rotates (O-243, KG14).
//
// The full run: bazel test //tests/ledger:mixed_ledger_full_test

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "tests/harness/await.h"
#include "tests/harness/test_tls.h"
#include "tests/integration/server_process.h"
#include "tests/ledger/faults.h"
#include "tests/ledger/flags.h"
#include "tests/ledger/load.h"
#include "tests/ledger/mixed_origin.h"
#include "tests/ledger/transport_client.h"
#include "transport/io/tls_profile_check.h"

namespace spillway {
namespace {

using Kind = MixedOrigin::Kind;

LedgerFlags flags{.requests = 12000};

constexpr std::uint32_t kMaxAttempts = 3;
constexpr std::uint64_t kReloads = 50;

constexpr const char* kTinyproxy = R"(Port PORT
Listen 127.0.0.1
MaxClients 200
Timeout 60
Allow 127.0.0.1
DisableViaHeader Yes
)";

ServerProcess::Plan Proxy(const std::string& folder, std::uint16_t port) {
  std::string config = kTinyproxy;
  config.replace(config.find("PORT"), 4, std::to_string(port));
  return {config, {"/usr/bin/tinyproxy", "-d", "-c", folder + "/config"}};
}

// The identity that policies of this version show.
std::string IdentityOf(std::uint64_t version) { return version % 2 == 0 ? "caller two" : "caller"; }

TlsProfilePtr ProfileOf(std::uint64_t version) {
  const TlsIdentity& client = version % 2 == 0 ? TestTls().second_client : TestTls().client;
  TlsProfile tls;
  tls.system_roots = false;
  tls.roots_pem = TestTls().roots_pem;
  tls.certificate_pem = client.certificate_pem;
  tls.key_pem = client.key_pem;
  return SealTlsProfile(std::move(tls)).value();
}

class Mixture {
 public:
  Mixture()
      : proxy_(Proxy),
        load_(
            OptionsFor(1), [this](const LoadRequest& load) { return BaseOf(load); },
            [this](const LoadRequest& load, const Story& story) {
              const std::lock_guard lock(mu_);
              versions_[load.id] = story.record.policy_version;
            }) {
    SetPolicy(1);
  }

  bool ready() const { return proxy_.running(); }
  TransportLoadClient& load() { return load_; }

  // The next policy: other limits, the other certificate.
  void Reload() {
    const std::lock_guard lock(reload_mu_);
    SetPolicy(++version_);
  }
  std::uint64_t version() const { return version_; }

  std::vector<OriginEvent> Events() const {
    std::vector<OriginEvent> all;
    for (const MixedOrigin* origin : {&plain_, &secured_, &multiplexed_, &clear_}) {
      const auto events = origin->Events();
      all.insert(all.end(), events.begin(), events.end());
    }
    return all;
  }

  // Rule 6: every head came under the certificate of the policy that its round trip began with.
  void CheckIdentities() const {
    for (const MixedOrigin* origin : {&secured_, &multiplexed_}) {
      for (const auto& [id, clients] : origin->Clients()) {
        for (const std::string& client : clients) {
          ASSERT_EQ(client, IdentityOf(versions_.at(id))) << "rule 6: " << id;
        }
      }
    }
    for (const MixedOrigin* origin : {&plain_, &clear_}) {
      for (const auto& [id, clients] : origin->Clients()) {
        for (const std::string& client : clients) ASSERT_EQ(client, "") << id;
      }
    }
  }

  void CheckSpread() const {
    for (const MixedOrigin* origin : {&plain_, &secured_, &multiplexed_, &clear_}) {
      EXPECT_GT(origin->Clients().size(), flags.requests / 12);
    }
  }

 private:
  TestClient::Options OptionsFor(std::uint64_t version) const {
    TestClient::Options options = TransportLoadClient::DefaultOptions();
    options.destination.tls = ProfileOf(version);
    return options;
  }

  void SetPolicy(std::uint64_t version) {
    Destination fallback = OptionsFor(version).destination;
    fallback.pool.target_streams = 20 + static_cast<std::uint32_t>(version % 3) * 10;
    const auto at = [&](const char* name, const char* host, std::uint16_t port) {
      Destination destination = fallback;
      destination.name = name;
      DestinationMatch match;
      match.host = host;
      match.ports = {port};
      destination.matches = {match};
      return destination;
    };
    Destination clear = at("clear", "origin.test", clear_.port());
    clear.protocol = Protocol::kH2c;
    ProxyServer server;
    server.host = "127.0.0.1";
    server.host_kind = HostKind::kIpv4;
    server.port = proxy_.port();
    Destination proxied = at("proxied", "127.0.0.1", secured_.port());
    proxied.proxy.kind = ProxyRule::Kind::kServers;
    proxied.proxy.servers = {std::make_shared<const ProxyServer>(server)};
    Destination fetched = proxied;
    fetched.name = "fetched";
    fetched.matches[0].ports = {plain_.port()};
    auto policy = Policy::Build(version, {clear, proxied, fetched}, fallback, RequestFieldLimits());
    ASSERT_TRUE(policy.has_value()) << policy.error().message;
    load_.client().transport().SetPolicy(*policy);
  }

  std::string BaseOf(const LoadRequest& load) const {
    const auto url = [](const char* scheme, const char* host, std::uint16_t port) {
      return std::string(scheme) + "://" + host + ":" + std::to_string(port);
    };
    if (load.denied) return url("http", "denied.test", plain_.port());
    switch (Draw(flags.seed, load.id, 7) % 6) {
      case 0:
        return url("http", "origin.test", plain_.port());
      case 1:
        return url("https", "origin.test", secured_.port());
      case 2:
        return url("https", "origin.test", multiplexed_.port());
      case 3:
        return url("http", "origin.test", clear_.port());
      case 4:
        return url("https", "127.0.0.1", secured_.port());
      default:
        return url("http", "127.0.0.1", plain_.port());
    }
  }

  MixedOrigin plain_{Kind::kHttp1, flags.seed, flags.faults_per_million};
  MixedOrigin secured_{Kind::kHttps1, flags.seed, flags.faults_per_million};
  MixedOrigin multiplexed_{Kind::kHttps2, flags.seed, flags.faults_per_million};
  MixedOrigin clear_{Kind::kH2c, flags.seed, flags.faults_per_million};
  ServerProcess proxy_;
  std::mutex reload_mu_;
  std::uint64_t version_ = 1;
  std::mutex mu_;
  std::map<std::string, std::uint64_t> versions_;
  TransportLoadClient load_;
};

TEST(MixedLedger, NothingIsLostAndNothingCrossesWhilePoliciesAndCertificatesChange) {
  Mixture mixture;
  ASSERT_TRUE(mixture.ready()) << "no proxy";
  const std::uint64_t every = flags.requests / (kReloads + 1);
  const auto reload = [&](std::uint64_t index) {
    if (index > 0 && index % every == 0) mixture.Reload();
  };
  const auto entries = RunLoad(mixture.load(), flags.seed, flags.requests,
                               static_cast<std::uint32_t>(flags.callers), reload);
  const std::vector<OriginEvent> events = mixture.Events();
  ReportOutcomes(flags, entries, events.size());
  for (const std::string& complaint : Join(entries, events, kMaxAttempts)) {
    ADD_FAILURE() << complaint << " (seed " << flags.seed << ")";
  }
  EXPECT_GE(mixture.version(), kReloads);
  mixture.CheckIdentities();
  mixture.CheckSpread();
  const auto good = std::count_if(entries.begin(), entries.end(),
                                  [](const CallerEntry& entry) { return entry.ok; });
  EXPECT_GE(static_cast<double>(good), 0.6 * static_cast<double>(entries.size()))
      << "too many faults to prove anything";
  Transport& transport = mixture.load().client().transport();
  // Dials that nobody waits for any more still end as idle connections.
  EXPECT_TRUE(AwaitThat([&] {
    transport.CloseIdleConnections("");
    return transport.connection_count() == 0;
  }));
  const ObserverCounts counts = mixture.load().client().counts();
  EXPECT_EQ(counts.started, entries.size()) << "rule 7";
  EXPECT_EQ(counts.ended, entries.size()) << "rule 7";
  EXPECT_EQ(counts.DialsOk(), counts.ClosedTotal()) << "rule 7: connections opened and closed";
  EXPECT_GT(counts.resumed, 0U);
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return spillway::ReadLedgerFlags(argc, argv, spillway::flags) ? RUN_ALL_TESTS() : 2;
}
