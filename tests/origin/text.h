// How scripts and rows spell bytes.
//
// What it is: the text language shared by scripts (script.h) and rows: quoted strings with escapes,
// glued with `+` and repeated with `*N`.
// Thread safety: pure functions.
// Errors: a TextResult with `error` set says what is wrong and where; test data is part of the
// test, so callers print it and fail.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spillway {

// Largest text a script may spell, so that a slip of the pen cannot eat the machine.
inline constexpr std::size_t kMaxScriptText = 64U * 1024 * 1024;

// Bytes spelled with \r \n \t \0 \xNN \" \\ ; nullopt when an escape is unknown or cut.
std::optional<std::string> Unescape(std::string_view text);

// Printable ASCII for people; the inverse of Unescape.
std::string Escape(std::string_view bytes);

// Splits a line into words at blanks; quoted strings stay whole, quotes included. A `#` that starts
// a word ends the line. nullopt when a quote is not closed.
std::optional<std::vector<std::string>> SplitWords(std::string_view line);

// Reads `"text"`, `"text"*N` and `+` between such parts, starting at word `next`, which moves
// behind what was read. nullopt when there is no such expression there.
std::optional<std::string> ReadBytes(const std::vector<std::string>& words, std::size_t& next);

// `key=value`, `key="bytes"` or a bare `key`.
std::optional<std::pair<std::string, std::string>> ReadKeyValue(const std::string& word);

// Plain decimal; nullopt for anything else.
std::optional<std::uint64_t> ReadNumber(std::string_view word);

// `250us`, `30ms`, `2s` in microseconds.
std::optional<std::uint64_t> ReadMicros(std::string_view word);

}  // namespace spillway
