#include "tests/fuzz/response_checks.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/beast_reader.h"
#include "transport/base/check.h"

namespace spillway {
namespace {

std::vector<std::size_t> RandomCuts(std::size_t size, std::minstd_rand& random) {
  std::vector<std::size_t> cuts(random() % 8);
  for (std::size_t& cut : cuts) cut = random() % (size + 1);
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

// Beast wants the blank before an empty reason; we take the line without it, because origins send
// it (O-008). Gives Beast the line it wants. Returns how many bytes that added.
std::size_t AddMissingBlank(std::string& bytes, std::size_t line_start) {
  constexpr std::size_t kBareLine = 12;  // "HTTP/1.1 200"
  if (bytes.compare(line_start + kBareLine, 2, "\r\n") != 0) return 0;
  bytes.insert(line_start + kBareLine, 1, ' ');
  return 1;
}

bool SameHead(const BeastMessage& theirs, const ResponseHead& ours) {
  return theirs.status == static_cast<int>(ours.status) && theirs.reason == ours.reason &&
         theirs.version == 10 + ours.minor_version && theirs.headers == ours.headers;
}

// Ours are a subsequence of theirs: some names are dropped (O-063).
bool AreTrailersOf(const HeaderList& theirs, const HeaderList& ours) {
  std::size_t next = 0;
  for (const HeaderField& field : theirs) {
    if (next < ours.size() && field == ours[next]) ++next;
  }
  return next == ours.size();
}

}  // namespace

Transcript CheckSegmentation(std::string_view bytes, const DecoderInput& input,
                             std::uint32_t seed) {
  Transcript whole = Transcribe(bytes, {}, input);
  std::minstd_rand random(seed);
  for (int i = 0; i < 3; ++i) {
    SPILLWAY_CHECK(Transcribe(bytes, RandomCuts(bytes.size(), random), input) == whole);
  }
  std::vector<std::size_t> every(std::min<std::size_t>(bytes.size(), 4096));
  for (std::size_t i = 0; i < every.size(); ++i) every[i] = i;
  SPILLWAY_CHECK(Transcribe(bytes, every, input) == whole);
  SPILLWAY_CHECK(whole.body.size() + whole.left <= bytes.size());
  return whole;
}

void CheckAgainstBeast(std::string_view bytes, const DecoderInput& input, const Transcript& ours) {
  std::string given(bytes);
  std::size_t start = 0;
  for (const ResponseHead& head : ours.informational) {
    AddMissingBlank(given, start);
    const std::optional<BeastMessage> theirs =
        ReadBeastResponse(std::string_view(given).substr(start), false);
    SPILLWAY_CHECK(theirs && theirs->complete && SameHead(*theirs, head));
    start += theirs->consumed;
  }
  if (!ours.has_head) return;
  AddMissingBlank(given, start);
  const bool skip_body = input.head_request || ours.head.status == 101;
  const std::optional<BeastMessage> theirs =
      ReadBeastResponse(std::string_view(given).substr(start), skip_body);
  if (!ours.done) {
    // Cut short is cut short for both. Where we refuse, Beast may not.
    const bool cut = ours.failure.reason == Reason::kHttpResponseIncomplete;
    SPILLWAY_CHECK(!cut || !theirs || !theirs->complete);
    return;
  }
  SPILLWAY_CHECK(theirs && theirs->complete && SameHead(*theirs, ours.head));
  if (ours.body_kind == BodyKind::kTunnel) {
    // Beast stops at the blank line; what follows is the tunnel's.
    SPILLWAY_CHECK(theirs->body.empty());
    SPILLWAY_CHECK(given.substr(start + theirs->consumed) == ours.body);
    return;
  }
  SPILLWAY_CHECK(theirs->body == ours.body);
  SPILLWAY_CHECK(AreTrailersOf(theirs->trailers, ours.trailers));
  SPILLWAY_CHECK(given.size() - start - theirs->consumed == ours.left);
}

}  // namespace spillway
