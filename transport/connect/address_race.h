// Which address of a name to try next, and when (RFC 8305, behaviour D10, cases O-254 to O-259).
//
// What it is: the addresses interleaved by family, beginning with the resolver's first choice. The
// next one starts when the gap has passed since the last start, or at once when an attempt fails.
// Thread safety: none; one dial, one thread.
// Invariants: each address is started at most once; once everything failed, Exhausted() stays true.

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "transport/base/instant.h"
#include "transport/base/ip_address.h"

namespace spillway {

class AddressRace {
 public:
  AddressRace(std::span<const IpAddress> addresses, Duration gap);

  // The address (its index in the list given) whose turn it is at `now`, if any.
  std::optional<std::size_t> Next(Instant now);
  void OnFailed(Instant now);
  // The caller stopped waiting for one attempt to make room for the next.
  void OnGivenUp() { --running_; }
  // When Next will have one; kNever when all were started.
  Instant NextDue() const;
  // All were started and all failed.
  bool Exhausted() const { return next_ == order_.size() && running_ == 0; }
  std::size_t running() const { return running_; }

 private:
  std::vector<std::size_t> order_;
  std::size_t next_ = 0;
  std::size_t running_ = 0;
  Instant due_{};
  Duration gap_;
};

}  // namespace spillway
