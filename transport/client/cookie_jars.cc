#include "transport/client/cookie_jars.h"

#include <algorithm>

namespace spillway {
namespace {

constexpr std::string_view kField = "options.cookie_jar";

Failure Denied(std::string_view why) {
  Failure failure{Reason::kHttpRequestDenied, Source::kPolicy, Phase::kNone, Delivery::kNotSent};
  failure.field = kField;
  failure.message = std::string(kField).append(": ").append(why);
  return failure;
}

bool HasSetCookie(const HeaderList& headers) { return headers.Has("Set-Cookie"); }

}  // namespace

std::optional<Failure> CookieJars::Refusal(const JarName& jar) const {
  if (jar.name.size() > kMaxJarNameBytes) return BadRequest(kField, "is longer than 128 bytes");
  if (!limits_.enabled) return Denied("the configuration has no cookie jars");
  if (jar.owner.empty() && !limits_.allow_anonymous) {
    return Denied("callers without an identity have no cookie jars");
  }
  return std::nullopt;
}

std::string CookieJars::LineFor(const JarName& jar, const CookiePlace& to, Instant now,
                                WallTime wall) {
  MutexLock lock(mu_);
  EraseIdle(now);
  Entry* entry = Find(jar, now);
  if (entry == nullptr) return {};
  const std::size_t before = entry->cookies.bytes();
  std::string line = entry->cookies.LineFor(to, wall);
  Account(*entry, before);
  if (entry->cookies.size() == 0) Erase(entries_.begin());
  return line;
}

void CookieJars::Store(const JarName& jar, const CookiePlace& from,
                       const HeaderList& response_headers, Instant now, WallTime wall) {
  if (!HasSetCookie(response_headers)) return;
  MutexLock lock(mu_);
  EraseIdle(now);
  Entry* found = Find(jar, now);
  Entry& entry = found != nullptr ? *found : Make(jar, now);
  const std::size_t before = entry.cookies.bytes();
  entry.cookies.Store(from, response_headers, wall);
  Account(entry, before);
  if (entry.cookies.size() == 0) Erase(entries_.begin());
  while (bytes_ > limits_.max_bytes) EraseOneOfMost(&Share::bytes);
}

std::size_t CookieJars::size() const {
  MutexLock lock(mu_);
  return entries_.size();
}

std::size_t CookieJars::bytes() const {
  MutexLock lock(mu_);
  return bytes_;
}

// Puts it in front.
CookieJars::Entry* CookieJars::Find(const JarName& jar, Instant now) {
  const auto found = index_.find(jar);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  found->second->used = now;
  return &*found->second;
}

CookieJars::Entry& CookieJars::Make(const JarName& jar, Instant now) {
  if (entries_.size() >= limits_.max_jars) EraseOneOfMost(&Share::jars);
  entries_.push_front(Entry{jar, CookieJar(limits_.max_cookies_per_jar), now});
  index_.emplace(jar, entries_.begin());
  ++shares_[jar.owner].jars;
  return entries_.front();
}

void CookieJars::EraseIdle(Instant now) {
  while (!entries_.empty() && After(entries_.back().used, limits_.idle_timeout) <= now) {
    Erase(std::prev(entries_.end()));
  }
}

void CookieJars::Erase(Entries::iterator entry) {
  const auto share = shares_.find(entry->name.owner);
  share->second.bytes -= entry->cookies.bytes();
  bytes_ -= entry->cookies.bytes();
  if (--share->second.jars == 0) shares_.erase(share);
  index_.erase(entry->name);
  entries_.erase(entry);
}

void CookieJars::EraseOneOfMost(std::size_t Share::*part) {
  const auto most = std::max_element(
      shares_.begin(), shares_.end(),
      [part](const auto& a, const auto& b) { return a.second.*part < b.second.*part; });
  auto oldest = entries_.end();
  do {
    --oldest;
  } while (oldest->name.owner != most->first);
  Erase(oldest);
}

void CookieJars::Account(const Entry& entry, std::size_t before) {
  const std::size_t after = entry.cookies.bytes();
  shares_[entry.name.owner].bytes += after - before;
  bytes_ += after - before;
}

}  // namespace spillway
