#include "transport/base/trailer_rules.h"

#include <algorithm>
#include <array>

#include "transport/base/header_list.h"

namespace spillway {
namespace {

// Framing of this hop, whoever reads it.
constexpr std::array<std::string_view, 2> kRefusedTrailers = {"content-length",
                                                              "transfer-encoding"};
// Connection control, routing, authentication, content format (RFC 9110 6.5.1).
constexpr std::array<std::string_view, 16> kDroppedTrailers = {"authorization",
                                                               "connection",
                                                               "content-encoding",
                                                               "content-range",
                                                               "content-type",
                                                               "cookie",
                                                               "expect",
                                                               "host",
                                                               "keep-alive",
                                                               "location",
                                                               "max-forwards",
                                                               "set-cookie",
                                                               "te",
                                                               "trailer",
                                                               "upgrade",
                                                               "www-authenticate"};
constexpr std::string_view kDroppedTrailerPrefix = "proxy-";

template <std::size_t N>
bool Contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view known) { return EqualsIgnoreCase(known, name); });
}

}  // namespace

TrailerRule RuleOfTrailer(std::string_view name) {
  if (Contains(kRefusedTrailers, name)) return TrailerRule::kRefuse;
  if (Contains(kDroppedTrailers, name) ||
      EqualsIgnoreCase(name.substr(0, kDroppedTrailerPrefix.size()), kDroppedTrailerPrefix)) {
    return TrailerRule::kDrop;
  }
  return TrailerRule::kDeliver;
}

}  // namespace spillway
