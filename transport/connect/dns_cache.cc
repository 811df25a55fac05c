#include "transport/connect/dns_cache.h"

#include <utility>

namespace spillway {

DnsCache::DnsCache(std::size_t max_entries, Duration positive_ttl, Duration negative_ttl)
    : max_entries_(max_entries), positive_ttl_(positive_ttl), negative_ttl_(negative_ttl) {}

std::shared_ptr<const DnsAnswer> DnsCache::Find(const std::string& name, Instant now) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return nullptr;
  if (found->second.expires <= now) {
    Erase(found);
    return nullptr;
  }
  return found->second.answer;
}

void DnsCache::Store(const std::string& name, std::shared_ptr<const DnsAnswer> answer,
                     Instant now) {
  const Duration ttl = answer->failure.has_value() ? negative_ttl_ : positive_ttl_;
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
