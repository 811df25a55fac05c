// Which addresses failed lately, and which family won: what the next dial of a name begins with.
//
// What it is: an order of addresses. One that failed goes behind those that did not, for a while
// that doubles with each failure in a row; the family of the address that last connected goes first
// (O-256), so that a broken IPv6 costs its 250 ms once and not once a dial. Nothing is left out: a
// name all of whose addresses failed is still tried, longest ago first.
// What it owns: at most kMaxEndpoints failures and kMaxNames preferences, oldest forgotten first.
// Thread safety: none; callers serialize.
// Invariants: Order returns exactly the addresses it is given.

#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "transport/base/instant.h"
#include "transport/base/ip_address.h"

namespace spillway {

class AddressMemory {
 public:
  static constexpr std::size_t kMaxEndpoints = 4096;
  static constexpr std::size_t kMaxNames = 4096;
  // How long a first failure counts, and the longest that any does.
  static constexpr Duration kFirstAvoidance = std::chrono::seconds(10);
  static constexpr Duration kMostAvoidance = std::chrono::minutes(5);
  static constexpr Duration kPreferenceTime = std::chrono::minutes(10);

  // The order in which to try the addresses of `name`.
  std::vector<IpAddress> Order(const std::string& name, std::uint16_t port,
                               std::span<const IpAddress> addresses, Instant now);
  void OnFailed(const IpAddress& address, std::uint16_t port, Instant now);
  // An address of `name` was the first to connect.
  void OnConnected(const std::string& name, const IpAddress& address, std::uint16_t port,
                   Instant now);

  std::size_t endpoint_count() const { return failures_.size(); }
  std::size_t name_count() const { return winners_.size(); }

 private:
  struct Record {
    Instant until;               // it counts
    Instant at;                  // of the last event
    std::uint32_t in_a_row = 0;  // failures
    IpAddress::Family family{};  // of a winner
    std::list<std::string>::iterator age;
  };
  // Records by key, the one touched longest ago in front.
  struct Table {
    std::unordered_map<std::string, Record> records;
    std::list<std::string> oldest_first;

    std::size_t size() const { return records.size(); }
    Record* Find(const std::string& key);
    // The record of `key`, new or old, as the youngest. Forgets the oldest above `most`.
    Record& Touch(const std::string& key, std::size_t most);
    void Erase(const std::string& key);
  };
  static std::string KeyOf(const IpAddress& address, std::uint16_t port);

  Table failures_;
  Table winners_;
};

}  // namespace spillway
