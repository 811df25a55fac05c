// Bytes of an origin into the chunked decoder.
//
// Input: one byte that picks limits, then what follows the head of a chunked response. Oracles: any
// segmentation says the same, Beast agrees, no more comes out than went in; and the input taken as
// a body, encoded by us in chunks, decodes to itself.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/response_checks.h"
#include "transport/base/check.h"
#include "transport/http1/request_encoder.h"

namespace spillway {
namespace {

constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

void CheckBytes(std::string_view bytes, const DecoderInput& input, std::uint32_t seed) {
  const std::string response = std::string(kHead).append(bytes);
  const Transcript ours = CheckSegmentation(response, input, seed);
  SPILLWAY_CHECK(ours.body.size() <= bytes.size());
  CheckAgainstBeast(response, input, ours);
}

void CheckRoundTrip(std::string_view body, std::uint32_t seed) {
  std::string response(kHead);
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t size = std::min<std::size_t>(body.size() - at, 1 + seed % 97);
    seed = seed * 1664525 + 1013904223;
    AppendChunkStart(size, response);
    response.append(body.substr(at, size)).append(kChunkEnd);
    at += size;
  }
  response += kLastChunk;
  const Transcript ours = CheckSegmentation(response, {}, seed);
  SPILLWAY_CHECK(ours.done && ours.body == body && ours.left == 0);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  spillway::DecoderInput input;
  if (data[0] == 'S') {  // small limits, so that small inputs reach them
    input.limits.max_chunk_line_bytes = 32;
    input.limits.max_chunk_overhead_bytes = 64;
    input.limits.max_header_bytes = spillway::kHead.size() + 64;
    input.limits.max_header_fields = 4;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto seed = static_cast<std::uint32_t>(std::hash<std::string_view>()(bytes));
  spillway::CheckBytes(bytes, input, seed);
  spillway::CheckRoundTrip(bytes, seed);
  return 0;
}
