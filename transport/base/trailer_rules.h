// Which trailer fields of a response reach the caller, whatever HTTP version it came over.
//
// Thread safety: pure functions.

#pragma once

#include <cstdint>
#include <string_view>

namespace spillway {

// What becomes of a trailer field (O-063). Trailers are never merged into headers; those that a
// caller might obey by mistake are dropped, those that frame messages mark an attack.
enum class TrailerRule : std::uint8_t { kDeliver, kDrop, kRefuse };
TrailerRule RuleOfTrailer(std::string_view name);

}  // namespace spillway
