// Bytes of a proxy into the reader of answers to CONNECT.
//
// Input: one byte (the size of the pieces), then the bytes. Oracles: any segmentation says the
// same; an open tunnel has an answer that Beast reads as 200 too, with nothing behind it; a failure
// is the proxy's, printable and short.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/fuzz/beast_reader.h"
#include "transport/base/check.h"
#include "transport/connect/http_connect.h"

namespace spillway {
namespace {

ConnectAnswer Read(std::string_view bytes, std::size_t piece) {
  ConnectAnswer answer("http://proxy:1");
  while (!bytes.empty() && answer.state() != ConnectAnswer::State::kFailed) {
    const std::size_t n = std::min(piece, bytes.size());
    SPILLWAY_CHECK(answer.Feed(bytes.substr(0, n)) == answer.state());
    bytes.remove_prefix(n);
  }
  return answer;
}

void CheckFailure(const Failure& failure) {
  SPILLWAY_CHECK(failure.source == Source::kProxy && failure.phase == Phase::kProxy);
  SPILLWAY_CHECK(failure.delivery == Delivery::kNotSent);
  SPILLWAY_CHECK(failure.message.size() <= kMaxFailureMessage);
  for (const char c : failure.message) SPILLWAY_CHECK(c >= ' ' && c < 0x7f);
}

// Beast reads the last head of the answer.
void CheckAgainstBeast(std::string_view bytes) {
  SPILLWAY_CHECK(bytes.size() <= kMaxConnectAnswerBytes && bytes.ends_with("\r\n\r\n"));
  const std::size_t before = bytes.substr(0, bytes.size() - 4).rfind("\r\n\r\n");
  const std::string_view last = before == std::string_view::npos ? bytes : bytes.substr(before + 4);
  // As for HEAD, so that no body is looked for. Beast judges the framing fields, which an answer to
  // CONNECT is free to get wrong.
  const std::optional<BeastMessage> theirs = ReadBeastResponse(last, true);
  if (!theirs) return;
  SPILLWAY_CHECK(theirs->status == 200);
  SPILLWAY_CHECK(theirs->consumed == last.size());
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using spillway::ConnectAnswer;
  if (size == 0) return 0;
  const std::size_t piece = data[0] + 1U;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  ConnectAnswer whole = spillway::Read(bytes, std::max<std::size_t>(bytes.size(), 1));
  for (const std::size_t n : {std::size_t{1}, piece}) {
    const ConnectAnswer pieces = spillway::Read(bytes, n);
    SPILLWAY_CHECK(pieces.state() == whole.state());
    SPILLWAY_CHECK(pieces.failure().message == whole.failure().message);
    SPILLWAY_CHECK(pieces.failure().proxy_status == whole.failure().proxy_status);
  }
  if (whole.state() == ConnectAnswer::State::kOpen) spillway::CheckAgainstBeast(bytes);
  if (whole.state() == ConnectAnswer::State::kFailed) spillway::CheckFailure(whole.failure());
  if (whole.state() == ConnectAnswer::State::kMore) {
    SPILLWAY_CHECK(bytes.size() < spillway::kMaxConnectAnswerBytes);
    SPILLWAY_CHECK(whole.End() == ConnectAnswer::State::kFailed);
    spillway::CheckFailure(whole.failure());
  }
  return 0;
}
