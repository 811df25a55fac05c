#include "transport/pool/action.h"

#include <array>

namespace spillway {

std::string_view Label(CloseReason reason) {
  static constexpr std::array<std::string_view, 20> kLabels = {
      "idle_timeout",   "learned_idle", "max_age",      "max_uses",     "peer_fin",
      "peer_reset",     "goaway",       "lru",          "surplus",      "origin_close",
      "unsolicited",    "cancelled",    "error",        "flushed",      "drain",
      "policy_changed", "address_gone", "cert_rotated", "ping_timeout", "flood"};
  static_assert(kLabels.size() == static_cast<std::size_t>(CloseReason::kFlood) + 1);
  return kLabels.at(static_cast<std::size_t>(reason));
}

}  // namespace spillway
