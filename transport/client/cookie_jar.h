// The cookies that one caller keeps under one name: what origins set, and what goes back to them.
//
// What it is: RFC 6265 5.3 and 5.4 with the stricter rules of its revision: Secure cookies are set
// by secure origins only and not overwritten by others, __Secure- and __Host- mean what they say,
// and no cookie reaches across a public suffix (J1 to J5).
// What it owns: the cookies.
// Thread safety: none of its own. It is given the time and reads no clock.
// Invariants: at most `max_cookies` cookies, at most kMaxCookiesPerSite for one registrable domain;
// bytes() is what they take.
//
// Choices: a cookie without a name is not kept; SameSite is not heard, as there is no page that a
// request could come from; loopback counts as secure, as it does in browsers (J5).

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/header_list.h"
#include "transport/base/url.h"
#include "transport/client/cookie_date.h"
#include "transport/client/set_cookie.h"

namespace spillway {

inline constexpr std::size_t kMaxCookiesPerSite = 180;
inline constexpr std::size_t kMaxSetCookiesPerResponse = 100;
// Of what goes back with one request. What an origin set must not make a request too large for it.
inline constexpr std::size_t kMaxCookieLineBytes = std::size_t{8} * 1024;
inline constexpr std::size_t kMaxCookiesPerRequest = 150;

// Where a request goes, or a response came from, as cookies see it.
struct CookiePlace {
  std::string host;  // canonical
  HostKind host_kind = HostKind::kName;
  std::string path;  // begins with "/"
  bool secure = false;
};

// `host_header` stands for the URL's host when it is not empty and reads as one (C15).
CookiePlace PlaceOf(const Url& url, std::string_view host_header = {});

class CookieJar {
 public:
  explicit CookieJar(std::size_t max_cookies) : max_cookies_(max_cookies) {}

  // Takes every Set-Cookie of a response's headers, at most kMaxSetCookiesPerResponse.
  void Store(const CookiePlace& from, const HeaderList& response_headers, WallTime now);
  void Store(const CookiePlace& from, SetCookie cookie, WallTime now);

  // "a=1; b=2": longer paths first, then older cookies (J3). "" when there are none.
  std::string LineFor(const CookiePlace& to, WallTime now);

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Cookie {
    std::string name;
    std::string value;
    std::string domain;
    std::string path;
    bool host_only = false;
    bool secure = false;
    std::optional<WallTime> expires;
    std::uint64_t created = 0;  // of counter_
    std::uint64_t used = 0;

    std::size_t bytes() const;
    bool Expired(WallTime now) const { return expires.has_value() && *expires <= now; }
    bool SameAs(const Cookie& other) const;
    bool GoesTo(const CookiePlace& to) const;
  };
  using Site = std::vector<Cookie>;

  void Put(Site& site, Cookie cookie);
  void Erase(Site& site, std::size_t index);
  void EraseExpired(Site& site, WallTime now);
  void EraseLeastUsed(Site& site);
  void MakeRoom(Site& site, WallTime now);

  const std::size_t max_cookies_;
  std::map<std::string, Site, std::less<>> sites_;  // by registrable domain, or by the host itself
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t counter_ = 0;
};

}  // namespace spillway
