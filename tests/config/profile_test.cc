// TLS profiles and proxies: what becomes of the files and names that a configuration refers to.

#include <gtest/gtest.h>

#include <string>

#include "server/config.h"
#include "tests/config/profile_files.h"
#include "transport/base/proxy_environment.h"

namespace spillway {
namespace {

ConfigResult Load(const std::string& text, const MemoryInputs& inputs = ProfileFiles()) {
  return ParseConfig(text, "/etc/sw/t", 3, inputs.Inputs());
}

Config Loaded(const std::string& text, const MemoryInputs& inputs = ProfileFiles()) {
  ConfigResult config = Load(text, inputs);
  EXPECT_TRUE(config.has_value()) << config.error().Text();
  return config.has_value() ? *std::move(config) : DefaultConfig();
}

constexpr char kFull[] = R"(
tls_profiles:
  - name: partner
    roots: {system: true, files: [ca.pem], inline: ")";
constexpr char kFullRest[] = R"("}
    certificate: {certificate_file: one.pem, key_file: /etc/sw/one.key}
    sni: front.test
    verify_name: Back.Test
    min_version: 1.3
    ciphers: ECDHE+AESGCM
    cipher_suites: TLS_AES_128_GCM_SHA256
    groups: X25519:P-256
    pins: [sha256/AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=]
    resumption: false
  - {name: open, insecure: true}
  - {name: plain}
proxies:
  - {name: corp, url: "http://Proxy.test:3128", credentials: {file: proxy.secret}, tunnel_http: true,
     connect_headers: [{name: X-Team, value: sekret}]}
  - {name: secure, kind: https, host: proxy.test, port: 3129, tls_profile: partner}
  - {name: socks, url: "socks5h://[::1]", credentials: {environment: PROXY_LOGIN}}
defaults:
  tls_profile: plain
  proxy: {servers: [corp, secure], no_proxy: [.internal, 10.0.0.0/8], then_direct: true}
destinations:
  - {name: inherits, matches: [{host: a.test}]}
  - {name: own, matches: [{host: b.test}], tls_profile: partner, protocol: h2,
     proxy: {servers: [socks]}, addresses: {host_alias: c.test}, isolate_tenants: true}
  - {name: direct, matches: [{host: c.test}], proxy: {mode: direct}}
unmatched: refuse
)";

std::string Escaped(std::string pem) {
  for (std::size_t at = 0; (at = pem.find('\n', at)) != std::string::npos; at += 2) {
    pem.replace(at, 1, "\\n");
  }
  return pem;
}

std::string FullText() { return kFull + Escaped(Certificates().root.pem()) + kFullRest; }

TEST(TlsProfiles, HoldTheContentOfTheirFiles) {
  const Pki& pki = Certificates();
  const Config config = Loaded(FullText());
  ASSERT_EQ(config.tls.size(), 3U);
  const TlsProfile& partner = *config.tls[0];
  EXPECT_EQ(partner.name, "partner");
  EXPECT_TRUE(partner.system_roots);
  EXPECT_EQ(partner.roots_pem, pki.root.pem() + pki.root.pem());
  EXPECT_EQ(partner.certificate_pem, pki.one.pem());
  EXPECT_EQ(partner.key_pem, pki.one.key_pem());
  EXPECT_EQ(partner.sni, "front.test");
  EXPECT_EQ(partner.verify_name, "back.test");
  EXPECT_EQ(partner.min_version, TlsVersion::kTls13);
  EXPECT_EQ(partner.max_version, TlsVersion::kTls13);
  EXPECT_EQ(partner.ciphers, "ECDHE+AESGCM");
  EXPECT_EQ(partner.cipher_suites, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(partner.groups, "X25519:P-256");
  ASSERT_EQ(partner.pins.size(), 1U);
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(partner.pins[0].at(i), i + 1);
  EXPECT_FALSE(partner.resumption);
  EXPECT_FALSE(partner.digest.empty());
  EXPECT_TRUE(config.tls[1]->insecure);
  EXPECT_TRUE(config.tls[2]->system_roots);
}

// KG13 and its ▲: own roots do not come beside the system's unless the file says so.
TEST(TlsProfiles, OwnRootsReplaceTheSystemsUnlessBothAreAskedFor) {
  EXPECT_FALSE(
      Loaded("tls_profiles: [{name: a, roots: {files: [ca.pem]}}]\n").tls[0]->system_roots);
  EXPECT_TRUE(Loaded("tls_profiles: [{name: a, roots: {files: [ca.pem], system: true}}]\n")
                  .tls[0]
                  ->system_roots);
  EXPECT_TRUE(Loaded("tls_profiles: [{name: a}]\n").tls[0]->system_roots);
}

// O-245, KG9: what counts is the content, whatever the paths.
TEST(TlsProfiles, EqualContentGivesEqualDigestsAndOtherContentOthers) {
  const std::string text =
      "tls_profiles: [{name: a, certificate: {certificate_file: one.pem, "
      "key_file: one.key}}]\n";
  MemoryInputs inputs = ProfileFiles();
  const std::string before = Loaded(text, inputs).tls[0]->digest;
  EXPECT_EQ(Loaded(text, inputs).tls[0]->digest, before);
  inputs.files["/etc/sw/one.pem"] = inputs.files["/etc/sw/two.pem"];
  inputs.files["/etc/sw/one.key"] = inputs.files["/etc/sw/two.key"];
  const TlsProfile after = *Loaded(text, inputs).tls[0];
  EXPECT_NE(after.digest, before);
  const std::string moved =
      "tls_profiles: [{name: b, certificate: {certificate_file: two.pem, "
      "key_file: two.key}}]\n";
  EXPECT_EQ(Loaded(moved).tls[0]->digest, after.digest);
}

TEST(Proxies, HoldTheirCredentials) {
  const Config config = Loaded(FullText());
  ASSERT_EQ(config.proxy_servers.size(), 3U);
  const ProxyServer& corp = *config.proxy_servers[0];
  EXPECT_EQ(corp.Text(), "http://proxy.test:3128");
  EXPECT_EQ(corp.user, "spill");
  EXPECT_EQ(corp.password, "se:kret");
  EXPECT_EQ(corp.connect_headers, (HeaderList{{"X-Team", "sekret"}}));
  EXPECT_TRUE(corp.tunnel_http);
  EXPECT_EQ(corp.credential_digest.size(), 64U);
  const ProxyServer& secure = *config.proxy_servers[1];
  EXPECT_EQ(secure.Text(), "https://proxy.test:3129");
  EXPECT_EQ(secure.tls, config.tls[0]);
  EXPECT_EQ(secure.credential_digest, "");
  const ProxyServer& socks = *config.proxy_servers[2];
  EXPECT_EQ(socks.Text(), "socks5h://[::1]:1080");
  EXPECT_EQ(socks.host_kind, HostKind::kIpv6);
  EXPECT_EQ(socks.user, "env");
}

// O-296: what a proxy is sent decides about sharing, and only that.
TEST(Proxies, AnyOtherCredentialGivesAnotherDigest) {
  const auto digest = [](const std::string& login, const std::string& header) {
    MemoryInputs inputs = ProfileFiles();
    inputs.files["/etc/sw/proxy.secret"] = login;
    return Loaded(
               "proxies: [{name: a, url: http://p.test, credentials: {file: proxy.secret}, "
               "connect_headers: [{name: X-A, value: " +
                   header + "}]}]\n",
               inputs)
        .proxy_servers[0]
        ->credential_digest;
  };
  EXPECT_EQ(digest("u:p", "1"), digest("u:p\r\n", "1"));
  EXPECT_NE(digest("u:p", "1"), digest("u:q", "1"));
  EXPECT_NE(digest("u:p", "1"), digest("up:", "1"));
  EXPECT_NE(digest("u:p", "1"), digest("u:p", "2"));
}

TEST(Destinations, ReferToProfilesAndProxiesByName) {
  const Config config = Loaded(FullText());
  const Policy& policy = *config.policy;
  EXPECT_TRUE(policy.fallback().refuse);
  const Destination& inherits = policy.destinations()[0];
  EXPECT_FALSE(inherits.refuse);
  EXPECT_EQ(inherits.tls, config.tls[2]);
  EXPECT_EQ(inherits.proxy.kind, ProxyRule::Kind::kServers);
  EXPECT_EQ(inherits.proxy.servers,
            (std::vector<ProxyServerPtr>{config.proxy_servers[0], config.proxy_servers[1]}));
  EXPECT_EQ(inherits.proxy.no_proxy.CanonicalText(),
            NoProxy::Parse(".internal,10.0.0.0/8").CanonicalText());
  EXPECT_TRUE(inherits.proxy.then_direct);
  const Destination& own = policy.destinations()[1];
  EXPECT_EQ(own.tls, config.tls[0]);
  EXPECT_EQ(own.protocol, Protocol::kHttp2);
  EXPECT_TRUE(own.isolate_tenants);
  EXPECT_EQ(own.addresses.host_alias, "c.test");
  EXPECT_EQ(own.proxy.servers, (std::vector<ProxyServerPtr>{config.proxy_servers[2]}));
  // Nothing of a choice is inherited beside a part of another.
  EXPECT_TRUE(own.proxy.no_proxy.empty());
  EXPECT_FALSE(own.proxy.then_direct);
  EXPECT_EQ(policy.destinations()[2].proxy.kind, ProxyRule::Kind::kDirect);
}

// N1: read when the policy is made.
TEST(Destinations, MayFollowTheEnvironment) {
  MemoryInputs inputs = ProfileFiles();
  inputs.variables = {{"https_proxy", "http://u:sekret@env.test:3128"}, {"NO_PROXY", "a.test"}};
  const Config config = Loaded("defaults: {proxy: {mode: environment}}\n", inputs);
  const ProxyRule& rule = config.policy->fallback().proxy;
  EXPECT_EQ(rule.kind, ProxyRule::Kind::kEnvironment);
  ASSERT_NE(rule.environment, nullptr);
  ASSERT_TRUE(rule.environment->https.server.has_value());
  const ProxyServer& server = **rule.environment->https.server;
  EXPECT_EQ(server.Text(), "http://env.test:3128");
  EXPECT_EQ(server.credential_digest.size(), 64U);
  EXPECT_EQ(*rule.environment->http.server, nullptr);
  EXPECT_FALSE(rule.environment->no_proxy.empty());
  EXPECT_EQ(PrintEffectiveConfig(config).find("sekret"), std::string::npos);
}

TEST(PrintedConfig, LoadsToTheSameAndHoldsNoSecret) {
  const Config config = Loaded(FullText());
  const std::string printed = PrintEffectiveConfig(config);
  EXPECT_EQ(printed.find("sekret"), std::string::npos) << printed;
  EXPECT_EQ(printed.find("se:kret"), std::string::npos);
  EXPECT_EQ(printed.find("PRIVATE KEY"), std::string::npos);
  EXPECT_NE(printed.find("(masked)"), std::string::npos);
  const Config again = Loaded(printed);
  EXPECT_EQ(PrintEffectiveConfig(again), printed);
  EXPECT_EQ(again.tls_profiles[0].root_files, config.tls_profiles[0].root_files);
  EXPECT_EQ(again.tls[0]->digest, config.tls[0]->digest);
  EXPECT_EQ(again.routes[1].proxy_servers, config.routes[1].proxy_servers);
  EXPECT_EQ(again.routes[1].tls_profile, config.routes[1].tls_profile);
}

TEST(Config, RemembersEveryFileThatItReadAndWhichItCouldNot) {
  const Config config = Loaded(FullText());
  std::vector<std::string> paths;
  for (const auto& [path, digest] : config.files) {
    paths.push_back(path);
    EXPECT_EQ(digest.size(), 64U) << path;
  }
  EXPECT_EQ(paths, (std::vector<std::string>{"/etc/sw/ca.pem", "/etc/sw/one.key", "/etc/sw/one.pem",
                                             "/etc/sw/proxy.secret", "/etc/sw/t"}));
  const ConfigResult missing = Load("tls_profiles: [{name: a, roots: {files: [no.pem]}}]\n");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().files.at("/etc/sw/no.pem"), "");
}

}  // namespace
}  // namespace spillway
