// Content codings the other way round: what an origin does to a body.
//
// Thread safety: pure functions.

#pragma once

#include <string>
#include <string_view>

#include "transport/client/content_decoder.h"

namespace spillway {

std::string Gzip(std::string_view text);
std::string Brotli(std::string_view text);
std::string Zstd(std::string_view text);
std::string Encode(Coding coding, std::string_view text);

}  // namespace spillway
