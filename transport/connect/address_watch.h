// Which connections are to an address that their name no longer has.
//
// What it is: the books about one name: its connections' addresses, and when each address was last
// in an answer. A connection's address is gone once it has been missing from kLeastAnswers answers
// in a row and for kLeastAbsence. Many names answer with a sample that changes from answer to
// answer; a name that was seen to give an address back is taken for one of those for
// kRotationMemory, and meanwhile an address is gone only after kRotatingAbsence.
// What it owns: nothing but its books. A lookup that fails says nothing about addresses and is not
// reported here.
// Thread safety: none; callers serialize.
// Invariants: each connection is named gone at most once; at most kMaxAddresses addresses are
// remembered, those without connections forgotten first.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "transport/base/instant.h"
#include "transport/base/ip_address.h"

namespace spillway {

class AddressWatch {
 public:
  static constexpr std::uint32_t kLeastAnswers = 2;
  static constexpr Duration kLeastAbsence = std::chrono::seconds(5);
  static constexpr Duration kRotatingAbsence = std::chrono::minutes(5);
  static constexpr Duration kRotationMemory = std::chrono::minutes(30);
  static constexpr std::size_t kMaxAddresses = 256;

  // `connection` is any number of the caller's, unique among those open.
  void OnOpened(std::uint64_t connection, const IpAddress& address, Instant now);
  void OnClosed(std::uint64_t connection) { connections_.erase(connection); }
  // A lookup gave `addresses`. Returns the connections whose address is gone; they are forgotten.
  std::vector<std::uint64_t> OnAddresses(std::span<const IpAddress> addresses, Instant now);

  bool empty() const { return connections_.empty(); }
  bool rotating(Instant now) const { return now < rotates_until_; }

 private:
  struct Known {
    IpAddress address;
    Instant seen;              // in an answer, or a connection opened to it
    std::uint32_t missed = 0;  // answers in a row without it
  };
  Known* Find(const IpAddress& address);
  Known& FindOrAdd(const IpAddress& address, Instant now);
  bool InUse(const IpAddress& address) const;
  bool IsGone(const Known& known, Instant now) const;
  void ForgetIdle();

  std::vector<Known> known_;
  std::unordered_map<std::uint64_t, IpAddress> connections_;
  Instant rotates_until_{};
};

}  // namespace spillway
