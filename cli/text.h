// Text for people: what may go to a terminal, times, sizes.
//
// Thread safety: pure functions.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <google/protobuf/duration.pb.h>

#include "transport/base/instant.h"

namespace spillway::cli {

// Valid UTF-8.
bool IsUtf8(std::string_view text);

// True when a terminal shows `text` and does nothing else: valid UTF-8 without control characters
// (C0, DEL, C1) other than TAB, LF and CR.
bool IsPlainText(std::string_view text);

// `text` with everything that is not plain, and line breaks too, as \xNN.
std::string OneLine(std::string_view text);

Duration DurationOf(const google::protobuf::Duration& duration);

// "420 us", "12.3 ms", "1.25 s", "5m12s".
std::string TimeText(Duration value);

// "812 B", "1.5 KiB", "20 MiB".
std::string SizeText(std::uint64_t bytes);

std::string Base64(std::string_view bytes);

// `text` padded with blanks to `width` characters, on the right or on the left.
std::string PadRight(std::string_view text, std::size_t width);
std::string PadLeft(std::string_view text, std::size_t width);

// Characters, counted as code points.
std::size_t Width(std::string_view text);

}  // namespace spillway::cli
