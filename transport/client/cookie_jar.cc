#include "transport/client/cookie_jar.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "transport/base/ascii.h"
#include "transport/client/public_suffix.h"

namespace spillway {
namespace {

// What a cookie costs beside its text.
constexpr std::size_t kOverheadBytes = 160;

bool IsLoopback(const Url& url) {
  switch (url.host_kind) {
    case HostKind::kName:
      return url.host == "localhost" || url.host.ends_with(".localhost");
    case HostKind::kIpv4:
      return url.host.starts_with("127.");
    case HostKind::kIpv6:
      return url.host == "::1";
  }
  return false;
}

// RFC 6265 5.1.3; both canonical.
bool DomainMatches(std::string_view host, std::string_view domain) {
  if (host == domain) return true;
  return host.size() > domain.size() && host.ends_with(domain) &&
         host[host.size() - domain.size() - 1] == '.';
}

// RFC 6265 5.1.4.
bool PathMatches(std::string_view path, std::string_view cookie_path) {
  if (!path.starts_with(cookie_path)) return false;
  return path.size() == cookie_path.size() || cookie_path.ends_with('/') ||
         path[cookie_path.size()] == '/';
}

std::string DefaultPath(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

struct Scope {
  std::string domain;
  bool host_only = true;
};

// Whom a cookie with this Domain goes to. Nothing: `from` may not set it.
std::optional<Scope> ScopeOf(const CookiePlace& from, const std::string& domain) {
  if (domain.empty()) return Scope{from.host, true};
  // One reading of hosts for everything: internationalised names, numbers and odd spellings.
  if (domain.find_first_of("/?:@[") != std::string::npos) return std::nullopt;
  const Result<Url> parsed = ParseUrl("http://" + domain);
  if (!parsed.has_value()) return std::nullopt;
  const std::string& wanted = parsed->host;
  if (from.host_kind != HostKind::kName || parsed->host_kind != HostKind::kName) {
    // An address stands for itself alone (J1).
    return wanted == from.host ? std::optional(Scope{from.host, true}) : std::nullopt;
  }
  if (IsPublicSuffix(wanted)) {
    return wanted == from.host ? std::optional(Scope{from.host, true}) : std::nullopt;  // J2
  }
  if (!DomainMatches(from.host, wanted)) return std::nullopt;
  return Scope{wanted, false};
}

// What the name of a cookie promises to the origin that reads it.
bool KeepsItsPromise(const SetCookie& cookie) {
  const auto begins = [&cookie](std::string_view prefix) {
    return EqualsIgnoreCase(std::string_view(cookie.name).substr(0, prefix.size()), prefix);
  };
  if (begins("__secure-")) return cookie.secure;
  if (begins("__host-")) return cookie.secure && cookie.domain.empty() && cookie.path == "/";
  return true;
}

std::string KeyOf(const CookiePlace& place) {
  return place.host_kind == HostKind::kName ? SiteOf(place.host) : place.host;
}

}  // namespace

CookiePlace PlaceOf(const Url& url, std::string_view host_header) {
  CookiePlace place{url.host, url.host_kind, url.target.substr(0, url.target.find('?')),
                    url.scheme == "https" || IsLoopback(url)};
  if (host_header.empty()) return place;
  const Result<Url> named = ParseUrl(std::string("http://").append(host_header));
  if (!named.has_value()) return place;
  place.host = named->host;
  place.host_kind = named->host_kind;
  return place;
}

std::size_t CookieJar::Cookie::bytes() const {
  return name.size() + value.size() + domain.size() + path.size() + kOverheadBytes;
}

bool CookieJar::Cookie::SameAs(const Cookie& other) const {
  return name == other.name && domain == other.domain && path == other.path &&
         host_only == other.host_only;
}

bool CookieJar::Cookie::GoesTo(const CookiePlace& to) const {
  if (secure && !to.secure) return false;
  const bool there = host_only || to.host_kind != HostKind::kName ? to.host == domain
                                                                  : DomainMatches(to.host, domain);
  return there && PathMatches(to.path, path);
}

void CookieJar::Store(const CookiePlace& from, const HeaderList& response_headers, WallTime now) {
  std::size_t taken = 0;
  for (const HeaderField& field : response_headers) {
    if (!EqualsIgnoreCase(field.name, "set-cookie")) continue;
    if (++taken > kMaxSetCookiesPerResponse) return;
    if (auto cookie = ParseSetCookie(field.value, now)) Store(from, *std::move(cookie), now);
  }
}

void CookieJar::Store(const CookiePlace& from, SetCookie given, WallTime now) {
  std::optional<Scope> scope = ScopeOf(from, given.domain);
  if (!scope.has_value() || !KeepsItsPromise(given)) return;
  if (given.secure && !from.secure) return;
  Cookie cookie;
  cookie.path = given.path.empty() ? DefaultPath(from.path) : std::move(given.path);
  cookie.name = std::move(given.name);
  cookie.value = std::move(given.value);
  cookie.domain = std::move(scope->domain);
  cookie.host_only = scope->host_only;
  cookie.secure = given.secure;
  cookie.expires = given.expires;

  const auto place = sites_.try_emplace(KeyOf(from)).first;
  Site& site = place->second;
  EraseExpired(site, now);
  // Whoever can answer in clear text must not shadow what a secure origin set.
  const bool shadows = !from.secure && std::any_of(site.begin(), site.end(), [&](const Cookie& c) {
    return c.secure && c.name == cookie.name && PathMatches(cookie.path, c.path) &&
           (DomainMatches(c.domain, cookie.domain) || DomainMatches(cookie.domain, c.domain));
  });
  if (!shadows) {
    const bool expired = cookie.Expired(now);
    const auto old =
        std::find_if(site.begin(), site.end(), [&](const Cookie& c) { return c.SameAs(cookie); });
    cookie.created = ++counter_;
    if (old != site.end()) {
      cookie.created = old->created;  // J4
      Erase(site, static_cast<std::size_t>(old - site.begin()));
    }
    if (!expired) {
      MakeRoom(site, now);
      Put(site, std::move(cookie));
    }
  }
  if (site.empty()) sites_.erase(place);
}

std::string CookieJar::LineFor(const CookiePlace& to, WallTime now) {
  const auto place = sites_.find(KeyOf(to));
  if (place == sites_.end()) return {};
  Site& site = place->second;
  EraseExpired(site, now);
  std::vector<Cookie*> chosen;
  for (Cookie& cookie : site) {
    if (cookie.GoesTo(to)) chosen.push_back(&cookie);
  }
  std::sort(chosen.begin(), chosen.end(), [](const Cookie* a, const Cookie* b) {
    if (a->path.size() != b->path.size()) return a->path.size() > b->path.size();
    return a->created < b->created;
  });
  std::string line;
  std::size_t count = 0;
  for (Cookie* cookie : chosen) {
    const std::size_t more = cookie->name.size() + cookie->value.size() + 3;
    if (line.size() + more > kMaxCookieLineBytes || count == kMaxCookiesPerRequest) continue;
    if (!line.empty()) line += "; ";
    line.append(cookie->name).append("=").append(cookie->value);
    cookie->used = ++counter_;
    ++count;
  }
  if (site.empty()) sites_.erase(place);
  return line;
}

void CookieJar::Put(Site& site, Cookie cookie) {
  cookie.used = ++counter_;
  ++size_;
  bytes_ += cookie.bytes();
  site.push_back(std::move(cookie));
}

void CookieJar::Erase(Site& site, std::size_t index) {
  --size_;
  bytes_ -= site[index].bytes();
  site.erase(site.begin() + static_cast<std::ptrdiff_t>(index));
}

void CookieJar::EraseExpired(Site& site, WallTime now) {
  for (std::size_t i = site.size(); i > 0; --i) {
    if (site[i - 1].Expired(now)) Erase(site, i - 1);
  }
}

void CookieJar::EraseLeastUsed(Site& site) {
  const auto least = std::min_element(
      site.begin(), site.end(), [](const Cookie& a, const Cookie& b) { return a.used < b.used; });
  Erase(site, static_cast<std::size_t>(least - site.begin()));
}

// Room for one more in `site`, which the caller holds and which therefore stays.
void CookieJar::MakeRoom(Site& site, WallTime now) {
  if (site.size() >= kMaxCookiesPerSite) EraseLeastUsed(site);
  if (size_ < max_cookies_) return;
  for (auto& [name, other] : sites_) EraseExpired(other, now);
  if (size_ >= max_cookies_) {
    Site* oldest = nullptr;
    std::uint64_t least = 0;
    for (auto& [name, other] : sites_) {
      for (const Cookie& cookie : other) {
        if (oldest != nullptr && cookie.used >= least) continue;
        oldest = &other;
        least = cookie.used;
      }
    }
    EraseLeastUsed(*oldest);
  }
  std::erase_if(sites_, [&site](const auto& entry) {
    return entry.second.empty() && &entry.second != &site;
  });
}

}  // namespace spillway
