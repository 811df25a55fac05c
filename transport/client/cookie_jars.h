// The cookie jars of all callers, each known by who owns it and what the owner calls it.
//
// What it is: the answer to what a shared service may remember: nothing unless configuration says
// so, and never anything that one caller learns of another (C-075). Two owners may use one name and
// have two jars; a caller without an identity has none, unless configuration lets all of those
// share theirs. In memory only: a restart forgets them. What it owns: the jars. Thread safety:
// every function may be called from any thread. Invariants: at most max_jars jars and max_bytes
// bytes; above either, the owner who has the most of it loses the jar unused longest, so that
// nobody can push out what others keep.

#pragma once

#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "transport/base/failure.h"
#include "transport/base/header_list.h"
#include "transport/base/instant.h"
#include "transport/base/mutex.h"
#include "transport/base/options.h"
#include "transport/client/cookie_jar.h"

namespace spillway {

inline constexpr std::size_t kMaxJarNameBytes = 128;

struct JarName {
  std::string owner;  // who asks, as the front knows it
  std::string name;

  auto operator<=>(const JarName&) const = default;
};

class CookieJars {
 public:
  explicit CookieJars(const CookieLimits& limits) : limits_(limits) {}

  // Why this jar cannot be used. Errors: http_request_denied, http_request_error; the field is
  // options.cookie_jar.
  std::optional<Failure> Refusal(const JarName& jar) const;

  // As CookieJar; a jar is made when the first cookie is stored. `now` is for its age, `wall` for
  // that of its cookies.
  std::string LineFor(const JarName& jar, const CookiePlace& to, Instant now, WallTime wall);
  void Store(const JarName& jar, const CookiePlace& from, const HeaderList& response_headers,
             Instant now, WallTime wall);

  std::size_t size() const;
  std::size_t bytes() const;

 private:
  struct Entry {
    JarName name;
    CookieJar cookies;
    Instant used{};
  };
  using Entries = std::list<Entry>;  // the one used last in front
  struct Share {
    std::size_t jars = 0;
    std::size_t bytes = 0;
  };

  Entry* Find(const JarName& jar, Instant now) SPILLWAY_REQUIRES(mu_);
  Entry& Make(const JarName& jar, Instant now) SPILLWAY_REQUIRES(mu_);
  void EraseIdle(Instant now) SPILLWAY_REQUIRES(mu_);
  void Erase(Entries::iterator entry) SPILLWAY_REQUIRES(mu_);
  // The longest unused jar of the owner with the largest share by `part`.
  void EraseOneOfMost(std::size_t Share::*part) SPILLWAY_REQUIRES(mu_);
  void Account(const Entry& entry, std::size_t before) SPILLWAY_REQUIRES(mu_);

  const CookieLimits limits_;
  mutable Mutex mu_;
  Entries entries_ SPILLWAY_GUARDED_BY(mu_);
  std::map<JarName, Entries::iterator> index_ SPILLWAY_GUARDED_BY(mu_);
  std::map<std::string, Share> shares_ SPILLWAY_GUARDED_BY(mu_);
  std::size_t bytes_ SPILLWAY_GUARDED_BY(mu_) = 0;
};

}  // namespace spillway
