// Answers of name lookups, remembered for a short while.
//
// What it is: positive and negative entries with an expiry, bounded in number (case O-263).
// getaddrinfo tells no TTL, so the times are ours: ProcessLimits::dns_positive_ttl/_negative_ttl.
// Thread safety: none; callers serialize.
// Invariants: never more than `max_entries`; an expired entry is never returned.

#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "transport/base/failure.h"
#include "transport/base/instant.h"
#include "transport/base/ip_address.h"

namespace spillway {

// What a lookup gave: at least one address, or why there is none.
struct DnsAnswer {
  std::vector<IpAddress> addresses;
  std::optional<Failure> failure;
};

class DnsCache {
 public:
  DnsCache(std::size_t max_entries, Duration positive_ttl, Duration negative_ttl);

  std::shared_ptr<const DnsAnswer> Find(const std::string& name, Instant now);
  void Store(const std::string& name, std::shared_ptr<const DnsAnswer> answer, Instant now);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::shared_ptr<const DnsAnswer> answer;
    Instant expires;
    std::list<std::string>::iterator age;
  };
  void Erase(std::unordered_map<std::string, Entry>::iterator entry);

  const std::size_t max_entries_;
  const Duration positive_ttl_;
  const Duration negative_ttl_;
  std::unordered_map<std::string, Entry> entries_;
  std::list<std::string> oldest_first_;
};

}  // namespace spillway
