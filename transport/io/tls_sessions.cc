#include "transport/io/tls_sessions.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace spillway {

void TlsSessionCache::Put(const std::string& key, TlsSession session, Instant now) {
  const std::size_t size = session.der.size() + key.size();
  if (size > limits_.session_bytes) return;
  MutexLock lock(mu_);
  Places& places = keys_[key];
  // A session that serves many times replaces its like; a ticket stands beside others.
  if (!session.single_use && !places.empty() && !places.back()->session.single_use) {
    const auto old = places.back();
    counts_.bytes -= old->session.der.size() + key.size();
    places.pop_back();
    entries_.erase(old);
  }
  entries_.push_back(Entry{key, std::move(session), now});
  places.push_back(std::prev(entries_.end()));
  counts_.bytes += size;
  ++counts_.stored;
  if (places.size() > limits_.per_key) {
    ++counts_.evicted;
    Erase(places.front());
  }
  while (entries_.size() > limits_.entries || counts_.bytes > limits_.bytes) {
    ++counts_.evicted;
    Erase(entries_.begin());
  }
}

std::optional<TlsSession> TlsSessionCache::Take(const std::string& key, Instant now,
                                                std::chrono::system_clock::time_point wall_now) {
  MutexLock lock(mu_);
  while (true) {
    const auto places = keys_.find(key);
    if (places == keys_.end()) return std::nullopt;
    const auto newest = places->second.back();
    const TlsSession& session = newest->session;
    const bool good = now < std::min(session.expires, After(newest->stored, limits_.max_age)) &&
                      wall_now < session.chain_not_after;
    if (!good) {
      ++counts_.expired;
      Erase(newest);
      continue;
    }
    ++counts_.given;
    if (!session.single_use) return session;
    std::optional<TlsSession> taken = session;
    Erase(newest);
    return taken;
  }
}

void TlsSessionCache::Forget(const std::string& key) {
  MutexLock lock(mu_);
  while (true) {
    const auto places = keys_.find(key);
    if (places == keys_.end()) return;
    Erase(places->second.back());
  }
}

TlsSessionCounts TlsSessionCache::Counts() const {
  MutexLock lock(mu_);
  TlsSessionCounts counts = counts_;
  counts.entries = entries_.size();
  return counts;
}

void TlsSessionCache::Erase(Entries::iterator entry) {
  const auto places = keys_.find(entry->key);
  Places& of_key = places->second;
  of_key.erase(std::find(of_key.begin(), of_key.end(), entry));
  if (of_key.empty()) keys_.erase(places);
  counts_.bytes -= entry->session.der.size() + entry->key.size();
  entries_.erase(entry);
}

}  // namespace spillway
