#include "transport/connect/route.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

TlsProfilePtr Tls(const std::function<void(TlsProfile&)>& change) {
  auto profile = std::make_shared<TlsProfile>();
  profile->digest = "base";
  change(*profile);
  return profile;
}

ProxyServerPtr Proxy(ProxyKind kind, const std::string& credential = "") {
  auto proxy = std::make_shared<ProxyServer>();
  proxy->kind = kind;
  proxy->host = "proxy.test";
  proxy->port = 3128;
  proxy->credential_digest = credential;
  return proxy;
}

Destination Chosen(const std::function<void(Destination&)>& change = [](Destination&) {}) {
  Destination destination;
  change(destination);
  return destination;
}

Result<Route> RouteOf(const Destination& fallback, const std::string& url,
                      const std::string& tenant = "", bool http1_only = false) {
  const auto policy = Policy::Build(1, {}, fallback, {});
  EXPECT_TRUE(policy.has_value());
  return PlanRoute(**policy, {*ParseUrl(url), tenant, http1_only});
}

TEST(PlanRoute, GoesStraightToTheOriginUnlessToldOtherwise) {
  const Result<Route> route = RouteOf(Chosen(), "http://origin.test:8080/x");
  ASSERT_TRUE(route.has_value());
  ASSERT_EQ(route->plans.size(), 1u);
  const ConnectPlan& plan = route->plans.front();
  EXPECT_EQ(plan.host, "origin.test");
  EXPECT_EQ(plan.port, 8080);
  EXPECT_EQ(plan.proxy, nullptr);
  EXPECT_FALSE(plan.origin_tls.has_value());
  EXPECT_EQ(route->key.Text(), "scheme=http host=origin.test port=8080 protocol=http/1.1");
}

TEST(PlanRoute, TakesSniAndVerifyNameFromTheUrlUnlessTheProfileNamesOthers_X1) {
  const Result<Route> plain = RouteOf(Chosen(), "https://origin.test/");
  EXPECT_EQ(plain->plans.front().origin_tls->sni, "origin.test");
  EXPECT_EQ(plain->plans.front().origin_tls->verify_name, "origin.test");

  const auto named = Chosen([](Destination& d) {
    d.tls = Tls([](TlsProfile& profile) {
      profile.sni = "front.test";
      profile.verify_name = "back.test";
    });
  });
  const Result<Route> other = RouteOf(named, "https://origin.test/");
  EXPECT_EQ(other->plans.front().origin_tls->sni, "front.test");
  EXPECT_EQ(other->plans.front().origin_tls->verify_name, "back.test");
  EXPECT_NE(plain->key, other->key);
}

TEST(PlanRoute, ChecksAnAddressAsAnAddressAndSendsNoSniForIt_O215_O216) {
  for (const std::string host : {"10.0.0.1", "[2001:db8::1]"}) {
    const Result<Route> route = RouteOf(Chosen(), "https://" + host + "/");
    const TlsStep& step = *route->plans.front().origin_tls;
    EXPECT_EQ(step.sni, "");
    EXPECT_NE(step.verify_kind, HostKind::kName);
  }
}

TEST(PlanRoute, OffersWhatTheProtocolAllows_X4_K4) {
  struct Row {
    Protocol protocol;
    bool http1_only;
    AlpnOffer offer;
  };
  for (const Row& row : std::vector<Row>{{Protocol::kAuto, false, AlpnOffer::kBoth},
                                         {Protocol::kAuto, true, AlpnOffer::kHttp1},
                                         {Protocol::kHttp1, false, AlpnOffer::kHttp1},
                                         {Protocol::kHttp2, false, AlpnOffer::kHttp2}}) {
    const auto chosen = Chosen([&](Destination& d) { d.protocol = row.protocol; });
    const Result<Route> route = RouteOf(chosen, "https://origin.test/", "", row.http1_only);
    EXPECT_EQ(route->plans.front().origin_tls->alpn, row.offer);
  }
}

TEST(PlanRoute, ForwardsHttpAndTunnelsTheRestThroughAnHttpProxy_P3_P5_O289) {
  const auto forwarding = Chosen([](Destination& d) {
    d.proxy = {ProxyRule::Kind::kServers, {Proxy(ProxyKind::kHttp)}, {}, false};
  });
  EXPECT_EQ(RouteOf(forwarding, "http://origin.test/")->plans.front().tunnel, Tunnel::kNone);
  EXPECT_EQ(RouteOf(forwarding, "https://origin.test/")->plans.front().tunnel, Tunnel::kConnect);

  const auto tunnelling = Chosen([](Destination& d) {
    auto proxy = std::make_shared<ProxyServer>(*Proxy(ProxyKind::kHttp));
    proxy->tunnel_http = true;
    d.proxy = {ProxyRule::Kind::kServers, {proxy}, {}, false};
  });
  EXPECT_EQ(RouteOf(tunnelling, "http://origin.test/")->plans.front().tunnel, Tunnel::kConnect);
}

TEST(PlanRoute, VerifiesProxyAndOriginEachByItsOwnNameAndProfile_P9_O290) {
  const auto chosen = Chosen([](Destination& d) {
    auto proxy = std::make_shared<ProxyServer>(*Proxy(ProxyKind::kHttps));
    proxy->tls = Tls([](TlsProfile& profile) { profile.digest = "proxy"; });
    d.tls = Tls([](TlsProfile& profile) { profile.digest = "origin"; });
    d.proxy = {ProxyRule::Kind::kServers, {proxy}, {}, false};
  });
  const Result<Route> route = RouteOf(chosen, "https://origin.test/");
  const ConnectPlan& plan = route->plans.front();
  EXPECT_EQ(plan.proxy_tls->verify_name, "proxy.test");
  EXPECT_EQ(plan.proxy_tls->profile->digest, "proxy");
  EXPECT_EQ(plan.origin_tls->verify_name, "origin.test");
  EXPECT_EQ(plan.origin_tls->profile->digest, "origin");
  EXPECT_NE(plan.proxy_tls->session_key, plan.origin_tls->session_key) << "O-291";
}

TEST(PlanRoute, ResolvesForSocks5AndLeavesNamesToSocks5h_P10_O303) {
  for (const auto& [kind, here] :
       {std::pair(ProxyKind::kSocks5, true), std::pair(ProxyKind::kSocks5h, false)}) {
    const auto chosen = Chosen([kind = kind](Destination& d) {
      d.proxy = {ProxyRule::Kind::kServers, {Proxy(kind)}, {}, false};
    });
    const Result<Route> route = RouteOf(chosen, "http://origin.test/");
    EXPECT_EQ(route->plans.front().tunnel, Tunnel::kSocks5);
    EXPECT_EQ(route->plans.front().resolve_target, here);
  }
}

TEST(PlanRoute, NeverFallsBackToADirectWayUnasked_O307) {
  auto chosen = Chosen([](Destination& d) {
    d.proxy = {
        ProxyRule::Kind::kServers, {Proxy(ProxyKind::kHttp), Proxy(ProxyKind::kSocks5)}, {}, false};
  });
  Result<Route> route = RouteOf(chosen, "http://origin.test/");
  ASSERT_EQ(route->plans.size(), 2u);
  for (const ConnectPlan& plan : route->plans) EXPECT_NE(plan.proxy, nullptr);
  chosen.proxy.then_direct = true;
  route = RouteOf(chosen, "http://origin.test/");
  ASSERT_EQ(route->plans.size(), 3u);
  EXPECT_EQ(route->plans.back().proxy, nullptr);
}

TEST(PlanRoute, RefusesWhatPolicyRefuses) {
  const Result<Route> route =
      RouteOf(Chosen([](Destination& d) { d.refuse = true; }), "http://origin.test/");
  ASSERT_TRUE(route.has_error());
  EXPECT_EQ(route.error().reason, Reason::kHttpRequestDenied);
  EXPECT_EQ(route.error().source, Source::kPolicy);
  EXPECT_EQ(route.error().delivery, Delivery::kNotSent);
}

// Each row changes one fact that decides whom a connection reaches, or as whom.
TEST(PlanRoute, GivesEachDifferenceThatMattersAKeyOfItsOwn_C069) {
  const auto tls = [](const std::function<void(TlsProfile&)>& change) {
    return [change](Destination& d) { d.tls = Tls(change); };
  };
  const auto proxy = [](ProxyServerPtr server) {
    return [server](Destination& d) { d.proxy = {ProxyRule::Kind::kServers, {server}, {}, false}; };
  };
  const std::vector<std::pair<std::string, std::function<void(Destination&)>>> rows = {
      {"base", [](Destination&) {}},
      {"protocol", [](Destination& d) { d.protocol = Protocol::kHttp1; }},
      {"h2", [](Destination& d) { d.protocol = Protocol::kHttp2; }},
      {"roots", tls([](TlsProfile& p) { p.roots_digest = "r"; })},
      {"system roots", tls([](TlsProfile& p) { p.system_roots = false; })},
      {"certificate", tls([](TlsProfile& p) { p.certificate_digest = "c"; })},
      {"key (O-245)", tls([](TlsProfile& p) { p.key_digest = "k"; })},
      {"sni", tls([](TlsProfile& p) { p.sni = "s.test"; })},
      {"verify name", tls([](TlsProfile& p) { p.verify_name = "v.test"; })},
      {"version", tls([](TlsProfile& p) { p.min_version = TlsVersion::kTls13; })},
      {"ciphers", tls([](TlsProfile& p) { p.ciphers = "ECDHE+AESGCM"; })},
      {"groups", tls([](TlsProfile& p) { p.groups = "X25519"; })},
      {"insecure", tls([](TlsProfile& p) { p.insecure = true; })},
      {"whatever else", tls([](TlsProfile& p) { p.digest = "other"; })},
      {"proxy", proxy(Proxy(ProxyKind::kHttp))},
      {"proxy kind", proxy(Proxy(ProxyKind::kSocks5))},
      {"proxy names (socks5h)", proxy(Proxy(ProxyKind::kSocks5h))},
      {"proxy credential (O-295)", proxy(Proxy(ProxyKind::kHttp, "one"))},
      {"other credential", proxy(Proxy(ProxyKind::kHttp, "two"))},
      {"proxy or direct",
       [](Destination& d) {
         d.proxy = {ProxyRule::Kind::kServers, {Proxy(ProxyKind::kHttp)}, {}, true};
       }},
      {"family", [](Destination& d) { d.addresses.family = AddressFamily::kIpv4Only; }},
      {"source", [](Destination& d) { d.addresses.source = IpAddress::Parse("127.0.0.1"); }},
      {"static address",
       [](Destination& d) { d.addresses.static_addresses = {*IpAddress::Parse("127.0.0.1")}; }},
      {"alias", [](Destination& d) { d.addresses.host_alias = "127.0.0.1"; }},
  };
  std::vector<PoolKey> keys;
  for (const auto& [name, change] : rows) {
    const PoolKey key = RouteOf(Chosen(change), "https://origin.test/")->key;
    EXPECT_EQ(key, RouteOf(Chosen(change), "https://origin.test/else")->key) << name;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      EXPECT_FALSE(keys[i] == key) << name << " shares with " << rows[i].first;
    }
    keys.push_back(key);
  }
}

TEST(PlanRoute, KeepsTenantsApartOnlyWherePolicySaysSo) {
  const auto shared = Chosen();
  EXPECT_EQ(RouteOf(shared, "http://o.test/", "a")->key,
            RouteOf(shared, "http://o.test/", "b")->key);
  const auto isolated = Chosen([](Destination& d) { d.isolate_tenants = true; });
  EXPECT_NE(RouteOf(isolated, "http://o.test/", "a")->key,
            RouteOf(isolated, "http://o.test/", "b")->key);
}

TEST(PlanRoute, TellsHttp1OnlyFromTheRest_K4_O158) {
  EXPECT_NE(RouteOf(Chosen(), "https://o.test/")->key,
            RouteOf(Chosen(), "https://o.test/", "", true)->key);
  EXPECT_EQ(RouteOf(Chosen(), "http://o.test/")->key,
            RouteOf(Chosen(), "http://o.test/", "", true)->key)
      << "in clear text there is nothing else";
}

}  // namespace
}  // namespace spillway
