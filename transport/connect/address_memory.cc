#include "transport/connect/address_memory.h"

#include <algorithm>
#include <iterator>

namespace spillway {

AddressMemory::Record* AddressMemory::Table::Find(const std::string& key) {
  const auto found = records.find(key);
  return found == records.end() ? nullptr : &found->second;
}

AddressMemory::Record& AddressMemory::Table::Touch(const std::string& key, std::size_t most) {
  if (Record* known = Find(key)) {
    oldest_first.splice(oldest_first.end(), oldest_first, known->age);
    return *known;
  }
  while (records.size() >= most) Erase(std::string(oldest_first.front()));
  oldest_first.push_back(key);
  Record& record = records[key];
  record.age = std::prev(oldest_first.end());
  return record;
}

void AddressMemory::Table::Erase(const std::string& key) {
  const auto found = records.find(key);
  if (found == records.end()) return;
  oldest_first.erase(found->second.age);
  records.erase(found);
}

std::string AddressMemory::KeyOf(const IpAddress& address, std::uint16_t port) {
  return address.Text() + "|" + std::to_string(port);
}

std::vector<IpAddress> AddressMemory::Order(const std::string& name, std::uint16_t port,
                                            std::span<const IpAddress> addresses, Instant now) {
  struct Place {
    const IpAddress* address;
    Instant failed_at{};  // zero: not lately
    bool of_the_winner = false;
  };
  const Record* winner = winners_.Find(name);
  const bool preferred = winner != nullptr && now < winner->until;
  std::vector<Place> places;
  for (const IpAddress& address : addresses) {
    Place place{&address};
    const Record* failure = failures_.size() == 0 ? nullptr : failures_.Find(KeyOf(address, port));
    if (failure != nullptr && now < failure->until) place.failed_at = failure->at;
    place.of_the_winner = preferred && address.family == winner->family;
    places.push_back(place);
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    if (a.failed_at != b.failed_at) return a.failed_at < b.failed_at;
    return a.of_the_winner && !b.of_the_winner;
  });
  std::vector<IpAddress> ordered;
  ordered.reserve(places.size());
  for (const Place& place : places) ordered.push_back(*place.address);
  return ordered;
}

void AddressMemory::OnFailed(const IpAddress& address, std::uint16_t port, Instant now) {
  Record& record = failures_.Touch(KeyOf(address, port), kMaxEndpoints);
  // One that failed, was avoided for its time and then some, starts afresh.
  if (record.in_a_row > 0 && now >= After(record.until, kMostAvoidance)) record.in_a_row = 0;
  Duration avoidance = kFirstAvoidance;
  for (std::uint32_t i = 0; i < record.in_a_row && avoidance < kMostAvoidance; ++i) avoidance *= 2;
  if (avoidance < kMostAvoidance) ++record.in_a_row;
  record.at = now;
  record.until = After(now, std::min(avoidance, kMostAvoidance));
}

void AddressMemory::OnConnected(const std::string& name, const IpAddress& address,
                                std::uint16_t port, Instant now) {
  if (failures_.size() > 0) failures_.Erase(KeyOf(address, port));
  Record& winner = winners_.Touch(name, kMaxNames);
  winner.family = address.family;
  winner.until = After(now, kPreferenceTime);
}

}  // namespace spillway
