// Any two routes: their pool keys are equal exactly when everything is that decides whom a
// connection reaches, and as whom (K6, C-069).
//
// Input: bytes that choose the parts of one situation, then which parts of a second differ. Oracle:
// a plain account of what matters, written from hostile-cases' list and not from the key's code.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/check.h"
#include "transport/base/policy.h"
#include "transport/base/url.h"
#include "transport/connect/route.h"

namespace spillway {
namespace {

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  std::uint8_t Next() {
    if (at_ == size_) return 0;
    return data_[at_++];
  }
  std::size_t Below(std::size_t n) { return Next() % n; }
  template <typename T>
  T Pick(std::initializer_list<T> choices) {
    return choices.begin()[Below(choices.size())];
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

struct Hop {
  ProxyKind kind = ProxyKind::kHttp;
  int host = 0;
  int port = 0;
  int user = 0;  // 0: none
  int tls = 0;
  bool tunnel_http = false;
};

struct Tls {
  int roots = 0, certificate = 0, sni = 0, verify_name = 0, ciphers = 0;
  bool insecure = false, system_roots = true, only_13 = false;
};

struct Situation {
  int scheme = 0, host = 0, port = 0, destination = 0, tenant = 0;
  bool isolate = false, http1_only = false;
  Protocol protocol = Protocol::kAuto;
  int family = 0, source = 0, statics = 0, alias = 0;
  bool built_in_tls = true;
  Tls tls;
  std::vector<Hop> hops;
  bool then_direct = false;
};

constexpr std::size_t kParts = 25;

void DrawHop(Hop& hop, Bytes& in) {
  hop.kind =
      in.Pick({ProxyKind::kHttp, ProxyKind::kHttps, ProxyKind::kSocks5, ProxyKind::kSocks5h});
  hop.host = static_cast<int>(in.Below(2));
  hop.port = static_cast<int>(in.Below(2));
  hop.user = static_cast<int>(in.Below(3));
  hop.tls = static_cast<int>(in.Below(2));
  hop.tunnel_http = in.Below(2) == 1;
}

void DrawTls(Tls& tls, std::size_t part, Bytes& in) {
  const auto small = [&] { return static_cast<int>(in.Below(3)); };
  switch (part) {
    case 0:
      tls.roots = small();
      break;
    case 1:
      tls.certificate = small();
      break;
    case 2:
      tls.sni = small();
      break;
    case 3:
      tls.verify_name = small();
      break;
    case 4:
      tls.ciphers = small();
      break;
    case 5:
      tls.insecure = !tls.insecure;
      break;
    case 6:
      tls.system_roots = !tls.system_roots;
      break;
    default:
      tls.only_13 = !tls.only_13;
      break;
  }
}

void Draw(Situation& s, std::size_t part, Bytes& in) {
  const auto small = [&] { return static_cast<int>(in.Below(3)); };
  switch (part) {
    case 0:
      s.scheme = static_cast<int>(in.Below(2));
      break;
    case 1:
      s.host = small();
      break;
    case 2:
      s.port = small();
      break;
    case 3:
      s.destination = static_cast<int>(in.Below(2));
      break;
    case 4:
      s.tenant = small();
      break;
    case 5:
      s.isolate = in.Below(2) == 1;
      break;
    case 6:
      s.http1_only = in.Below(2) == 1;
      break;
    case 7:
      s.protocol = in.Pick({Protocol::kAuto, Protocol::kHttp1, Protocol::kHttp2, Protocol::kH2c});
      break;
    case 8:
      s.family = small();
      break;
    case 9:
      s.source = small();
      break;
    case 10:
      s.statics = small();
      break;
    case 11:
      s.alias = small();
      break;
    case 12:
      s.built_in_tls = in.Below(2) == 1;
      break;
    case 13:
      s.hops.resize(in.Below(3));
      break;
    case 14:
      s.then_direct = in.Below(2) == 1;
      break;
    case 15:
    case 16:
      if (!s.hops.empty()) DrawHop(s.hops[in.Below(s.hops.size())], in);
      break;
    default:
      DrawTls(s.tls, part - 17, in);
      break;
  }
}

TlsProfilePtr ProfileOf(const Tls& t) {
  auto profile = std::make_shared<TlsProfile>();
  const auto digest = [](const char* what, int n) {
    return n == 0 ? std::string() : what + std::to_string(n);
  };
  profile->system_roots = t.system_roots;
  profile->insecure = t.insecure;
  profile->roots_digest = digest("roots", t.roots);
  profile->certificate_digest = digest("certificate", t.certificate);
  profile->key_digest = digest("key", t.certificate);
  profile->sni = digest("sni", t.sni);
  profile->verify_name = digest("verify", t.verify_name);
  profile->ciphers = digest("cipher", t.ciphers);
  profile->min_version = t.only_13 ? TlsVersion::kTls13 : TlsVersion::kTls12;
  // As SealTlsProfile would: of everything.
  for (const int n : {t.roots, t.certificate, t.sni, t.verify_name, t.ciphers, t.insecure ? 1 : 0,
                      t.system_roots ? 1 : 0, t.only_13 ? 1 : 0}) {
    profile->digest += std::to_string(n) + ".";
  }
  return profile;
}

ProxyServerPtr ServerOf(const Hop& hop) {
  auto server = std::make_shared<ProxyServer>();
  server->kind = hop.kind;
  server->host = "proxy" + std::to_string(hop.host) + ".test";
  server->port = static_cast<std::uint16_t>(3128 + hop.port);
  if (hop.user > 0) {
    server->user = "user" + std::to_string(hop.user);
    server->password = "secret";
    server->credential_digest = "digest" + std::to_string(hop.user);
  }
  server->tunnel_http = hop.tunnel_http;
  if (hop.kind == ProxyKind::kHttps) {
    Tls tls;
    tls.roots = hop.tls;
    server->tls = ProfileOf(tls);
  }
  return server;
}

std::string UrlOf(const Situation& s) {
  return std::string(s.scheme == 0 ? "http" : "https") + "://h" + std::to_string(s.host) +
         ".test:" + std::to_string(80 + s.port) + "/";
}

Destination DestinationOf(const Situation& s) {
  Destination d;
  d.name = "d" + std::to_string(s.destination);
  d.matches = {{"", "*.test", {}}};
  d.protocol = s.protocol;
  d.isolate_tenants = s.isolate;
  if (!s.built_in_tls) d.tls = ProfileOf(s.tls);
  d.addresses.family = static_cast<AddressFamily>(s.family);
  if (s.source > 0) d.addresses.source = IpAddress::Parse("192.0.2." + std::to_string(s.source));
  for (int i = 0; i < s.statics; ++i) {
    d.addresses.static_addresses.push_back(*IpAddress::Parse("198.51.100." + std::to_string(i)));
  }
  if (s.alias > 0) d.addresses.host_alias = "alias" + std::to_string(s.alias) + ".test";
  if (!s.hops.empty()) {
    d.proxy.kind = ProxyRule::Kind::kServers;
    for (const Hop& hop : s.hops) d.proxy.servers.push_back(ServerOf(hop));
    d.proxy.then_direct = s.then_direct;
  }
  return d;
}

std::string AddressFacts(const AddressChoice& a) {
  std::string text = std::string(Label(a.family)) + "/" + a.host_alias + "/";
  if (a.source.has_value()) text += a.source->Text();
  for (const IpAddress& each : a.static_addresses) text += "," + each.Text();
  return text;
}

std::string TlsFacts(const std::optional<TlsStep>& step) {
  if (!step.has_value()) return "clear";
  return step->profile->digest + "/" + step->sni + "/" + step->verify_name + "/" +
         std::to_string(static_cast<int>(step->verify_kind)) + "/" +
         std::to_string(static_cast<int>(step->alpn));
}

// All that decides whom a connection of this route reaches, and as whom.
std::string Facts(const Situation& s, const Route& route) {
  std::string text = route.key.scheme + " " + route.destination->name;
  if (s.isolate) text += " tenant" + std::to_string(s.tenant);
  for (const ConnectPlan& plan : route.plans) {
    text += " [" + plan.host + ":" + std::to_string(plan.port) + " " +
            AddressFacts(plan.addresses) + " " + std::to_string(static_cast<int>(plan.tunnel));
    if (plan.proxy != nullptr) {
      text += " " + std::string(Label(plan.proxy->kind)) + " " + plan.proxy->user + ":" +
              plan.proxy->password;
    }
    text += " " + plan.target_host + ":" + std::to_string(plan.target_port) + " " +
            AddressFacts(plan.target_addresses) + " " + (plan.resolve_target ? "here" : "there");
    text += " proxy " + TlsFacts(plan.proxy_tls) + " origin " + TlsFacts(plan.origin_tls);
    const bool spoken_in_clear = !plan.origin_tls.has_value() && plan.protocol == Protocol::kAuto;
    text += " " + std::string(Label(spoken_in_clear ? Protocol::kHttp1 : plan.protocol)) + "]";
  }
  return text;
}

struct Planned {
  std::shared_ptr<const Policy> policy;
  Route route;
  std::string facts;
};

std::optional<Planned> Plan(const Situation& s) {
  Destination fallback;
  fallback.refuse = true;
  auto policy = Policy::Build(1, {DestinationOf(s)}, fallback, {});
  if (policy.has_error()) return std::nullopt;
  const auto url = ParseUrl(UrlOf(s));
  SPILLWAY_CHECK(url.has_value());
  const std::string tenant = "tenant" + std::to_string(s.tenant);
  auto route = PlanRoute(**policy, {*url, tenant, s.http1_only});
  if (route.has_error()) return std::nullopt;
  std::string facts = Facts(s, *route);
  return Planned{*policy, std::move(*route), std::move(facts)};
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spillway;
  Bytes in(data, size);
  Situation first;
  for (std::size_t part = 0; part < kParts; ++part) Draw(first, part, in);
  Situation second = first;
  for (std::size_t changes = in.Below(3); changes > 0; --changes) {
    Draw(second, in.Below(kParts), in);
  }
  const auto a = Plan(first);
  const auto b = Plan(second);
  if (!a.has_value() || !b.has_value()) return 0;
  const bool same = a->facts == b->facts;  // H2: proxy and TLS policy are among them
  SPILLWAY_CHECK_NOTE(!(a->route.key == b->route.key) || same, "shared, though something differs");
  SPILLWAY_CHECK_NOTE(a->route.key == b->route.key || !same, "not shared, though all is the same");
  if (same) SPILLWAY_CHECK(PoolKeyHash()(a->route.key) == PoolKeyHash()(b->route.key));
  return 0;
}
