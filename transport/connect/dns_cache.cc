#include "transport/connect/dns_cache.h"

#include <algorithm>
#include <utility>

namespace spillway {

DnsCache::DnsCache(std::size_t max_entries, const DnsCacheTimes& times)
    : max_entries_(max_entries), times_(times) {}

std::shared_ptr<const DnsAnswer> DnsCache::Find(const std::string& name, Instant now) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return nullptr;
  if (found->second.expires <= now) {
    Erase(found);
    return nullptr;
  }
  return found->second.answer;
}

Duration DnsCache::Lifetime(const DnsAnswer& answer) const {
  if (answer.failure.has_value()) return times_.negative;
  return std::min(std::max(answer.ttl.value_or(kUntoldTtl), kLeastTtl), times_.most);
}

void DnsCache::Store(const std::string& name, std::shared_ptr<const DnsAnswer> answer,
                     Instant now) {
  const Duration ttl = Lifetime(*answer);
  if (const auto old = entries_.find(name); old != entries_.end()) Erase(old);
  if (ttl <= Duration::zero() || max_entries_ == 0) return;
  while (entries_.size() >= max_entries_) Erase(entries_.find(oldest_first_.front()));
  oldest_first_.push_back(name);
  entries_.emplace(name, Entry{std::move(answer), After(now, ttl), --oldest_first_.end()});
}

void DnsCache::Erase(std::unordered_map<std::string, Entry>::iterator entry) {
  oldest_first_.erase(entry->second.age);
  entries_.erase(entry);
}

}  // namespace spillway
