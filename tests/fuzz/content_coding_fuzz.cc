// Any bytes into the content decoders.
//
// Input: a byte that picks the coding and how the rest is cut, then the body. Oracles: however it
// is cut, the same comes out; never more than max_expansion allows; every call makes progress
// (O-124, O-126).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "transport/base/check.h"
#include "transport/client/content_decoder.h"

namespace spillway {
namespace {

constexpr std::uint64_t kMaxExpansion = 50;

struct Outcome {
  std::string text;
  bool failed = false;
  bool complete = false;
};

Outcome Decode(Coding coding, std::string_view body, std::size_t piece) {
  ContentDecoder decoder(coding, kMaxExpansion);
  Outcome outcome;
  const std::size_t whole = body.size();
  while (!body.empty()) {
    std::string_view input = body.substr(0, piece);
    body.remove_prefix(input.size());
    std::string_view output;
    while (true) {
      const std::size_t before = input.size();
      const ContentDecoder::Status status = decoder.Next(input, output);
      if (status == ContentDecoder::Status::kFailed) {
        SPILLWAY_CHECK(!decoder.why().empty());
        outcome.failed = true;
        return outcome;
      }
      if (status == ContentDecoder::Status::kNeedInput) break;
      SPILLWAY_CHECK(!output.empty() && output.size() <= ContentDecoder::kPieceBytes);
      SPILLWAY_CHECK(input.size() <= before);
      outcome.text += output;
      SPILLWAY_CHECK(outcome.text.size() <=
                     ContentDecoder::kFreeBytes + kMaxExpansion * (whole + 1));
    }
    SPILLWAY_CHECK(input.empty());
  }
  outcome.complete = decoder.complete();
  return outcome;
}

void Run(std::string_view text) {
  if (text.empty()) return;
  const auto pick = static_cast<unsigned char>(text.front());
  text.remove_prefix(1);
  const auto coding = static_cast<Coding>(pick % 3);
  const Outcome whole = Decode(coding, text, std::max<std::size_t>(text.size(), 1));
  const Outcome cut = Decode(coding, text, pick / 3 + 1U);
  // A bomb is stopped at another place when less of it has been seen.
  if (whole.failed || cut.failed) return;
  SPILLWAY_CHECK(whole.text == cut.text && whole.complete == cut.complete);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
