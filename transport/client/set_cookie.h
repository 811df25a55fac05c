// What one Set-Cookie line says (RFC 6265 5.2 with the prefixes and limits of its revision).
//
// What it is: the parse alone; whether the cookie may be set is decided by CookieJar.
// Thread safety: pure functions.
// Invariants of a SetCookie: the name is a token, the value has only bytes that may stand in a
// field, no ";", and no blank at either end; both together fit kMaxCookieBytes.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "transport/client/cookie_date.h"

namespace spillway {

inline constexpr std::size_t kMaxCookieBytes = 4096;     // name and value
inline constexpr std::size_t kMaxAttributeBytes = 1024;  // a longer attribute is not heard
// No cookie outlives this, whatever it asks for.
inline constexpr std::chrono::days kMaxCookieAge{400};

struct SetCookie {
  std::string name;
  std::string value;   // quotes kept
  std::string domain;  // as given but for one leading "."; "": none
  std::string path;    // begins with "/"; "": none that can be used
  bool secure = false;
  std::optional<WallTime> expires;  // nullopt: with its jar; in the past: it is deleted
};

// Nothing for a line that sets no cookie. Attributes that cannot be read are left out, and of
// several with one name the last counts.
std::optional<SetCookie> ParseSetCookie(std::string_view line, WallTime now);

// A Cookie line without the cookies of this name; "" when none is left.
std::string WithoutCookie(std::string_view cookie_line, std::string_view name);

}  // namespace spillway
