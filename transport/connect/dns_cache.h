// Answers of name lookups, remembered for as long as they are good.
//
// What it is: positive and negative entries with an expiry, bounded in number (case O-263). An
// answer lives as long as its zone says, but at least kLeastTtl, so that a TTL of zero makes no
// storm of lookups, and at most DnsCacheTimes::most, so that a TTL of years is no promise.
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
  std::optional<Duration> ttl = {};  // as the zone says; none where nobody told
};

struct DnsCacheTimes {
  Duration most = std::chrono::minutes(5);  // of a good answer; what is less than kLeastTtl wins
  Duration negative = std::chrono::seconds(1);
};

class DnsCache {
 public:
  static constexpr Duration kLeastTtl = std::chrono::seconds(1);
  static constexpr Duration kUntoldTtl = std::chrono::seconds(30);

  DnsCache(std::size_t max_entries, const DnsCacheTimes& times);

  std::shared_ptr<const DnsAnswer> Find(const std::string& name, Instant now);
  void Store(const std::string& name, std::shared_ptr<const DnsAnswer> answer, Instant now);
  // How long `answer` is good.
  Duration Lifetime(const DnsAnswer& answer) const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::shared_ptr<const DnsAnswer> answer;
    Instant expires;
    std::list<std::string>::iterator age;
  };
  void Erase(std::unordered_map<std::string, Entry>::iterator entry);

  const std::size_t max_entries_;
  const DnsCacheTimes times_;
  std::unordered_map<std::string, Entry> entries_;
  std::list<std::string> oldest_first_;
};

}  // namespace spillway
