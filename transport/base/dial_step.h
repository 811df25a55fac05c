// What a dial did, step by step.
//
// What it is: the instants behind ConnectionInfo's durations, for timelines (M3, M7).
// Thread safety: plain values.
// Invariants: the steps of one dial are in order and do not overlap; a dial that fell back to
// another proxy has those of both ways.

#pragma once

#include <cstdint>
#include <vector>

#include "transport/base/failure.h"
#include "transport/base/instant.h"

namespace spillway {

struct DialStep {
  enum class Kind : std::uint8_t {
    kDns,      // the lookup of the name that is dialled
    kConnect,  // TCP, all addresses that were tried
    kProxy,    // CONNECT or SOCKS5
    kTls,
  } kind = Kind::kDns;
  bool with_proxy = false;  // TLS is the proxy's own
  Instant began{};
  Instant ended{};
  Reason error = Reason::kNone;
};

using DialSteps = std::vector<DialStep>;

// More steps of one dial are not remembered.
inline constexpr std::size_t kMaxDialSteps = 16;

}  // namespace spillway
