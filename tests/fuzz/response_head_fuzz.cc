// Bytes of an origin into the response decoder.
//
// Input: one byte ("H": the request was HEAD; "U": it asked for an upgrade; else GET), then the
// bytes. Oracles: any segmentation says the same; Beast accepts what we accept, with the same
// content and the same end.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/response_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  spillway::DecoderInput input;
  input.head_request = data[0] == 'H';
  input.upgrade_allowed = data[0] == 'U';
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto seed = static_cast<std::uint32_t>(std::hash<std::string_view>()(bytes));
  const spillway::Transcript ours = spillway::CheckSegmentation(bytes, input, seed);
  spillway::CheckAgainstBeast(bytes, input, ours);
  return 0;
}
