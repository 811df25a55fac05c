// What every fuzz target that feeds a ResponseDecoder checks.

#pragma once

#include <cstdint>
#include <string_view>

#include "tests/transport/http1/transcript.h"

namespace spillway {

// Aborts unless any segmentation of `bytes` gives the same transcript; returns it. `seed` picks the
// segmentations.
Transcript CheckSegmentation(std::string_view bytes, const DecoderInput& input, std::uint32_t seed);

// Aborts when we accept what Beast refuses, or both accept and read something else.
void CheckAgainstBeast(std::string_view bytes, const DecoderInput& input, const Transcript& ours);

}  // namespace spillway
