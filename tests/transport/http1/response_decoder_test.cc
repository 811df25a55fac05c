#include "transport/http1/response_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/transport/http1/response_cases.h"
#include "tests/transport/http1/transcript.h"

namespace spillway {
namespace {

DecoderInput InputOf(const ResponseCase& row) {
  return {{}, row.head_request, row.upgrade_allowed};
}

// Long rows (limits) are cut at the ends and every so often between.
std::vector<std::size_t> CutPositions(std::size_t size) {
  const std::size_t step = size <= 2000 ? 1 : size / 500;
  std::vector<std::size_t> cuts;
  for (std::size_t at = 0; at <= size; at += at < 200 || at + 200 > size ? 1 : step) {
    cuts.push_back(at);
  }
  return cuts;
}

TEST(ResponseDecoder, SaysWhatTheTableExpects) {
  for (const ResponseCase& row : AllResponseCases()) {
    EXPECT_EQ(Transcribe(row.bytes, {}, InputOf(row)).Summary(), row.expected) << row.name;
  }
}

// O-001: segmentation changes nothing, not even the text of the failure.
TEST(ResponseDecoder, SaysTheSameWhereverTheBytesAreCutInTwo) {
  for (const ResponseCase& row : AllResponseCases()) {
    const Transcript whole = Transcribe(row.bytes, {}, InputOf(row));
    for (const std::size_t cut : CutPositions(row.bytes.size())) {
      const Transcript parts = Transcribe(row.bytes, {cut}, InputOf(row));
      ASSERT_TRUE(parts == whole) << row.name << " cut at " << cut << ": " << parts.Summary();
    }
  }
}

TEST(ResponseDecoder, SaysTheSameByteByByte) {
  for (const ResponseCase& row : AllResponseCases()) {
    std::vector<std::size_t> cuts(row.bytes.size());
    for (std::size_t i = 0; i < cuts.size(); ++i) cuts[i] = i;
    const Transcript parts = Transcribe(row.bytes, cuts, InputOf(row));
    EXPECT_TRUE(parts == Transcribe(row.bytes, {}, InputOf(row)))
        << row.name << ": " << parts.Summary();
  }
}

// End of the final head in `bytes`: past the blank line after `informational` other heads.
std::size_t HeadEnd(std::string_view bytes, std::size_t informational) {
  std::size_t end = 0;
  for (std::size_t i = 0; i <= informational; ++i) end = bytes.find("\r\n\r\n", end) + 4;
  return end;
}

// What the end of the connection after `size` bytes of a good response must mean, told from the
// positions alone.
std::string ExpectedAtEof(const Transcript& whole, std::size_t head_end, std::size_t size) {
  if (size == 0) return "fail:connection_terminated/first_byte/unknown";
  if (size < head_end) return "fail:http_response_incomplete/first_byte/unknown";
  if (whole.body_kind == BodyKind::kUntilClose) return "done";
  return "fail:http_response_incomplete/body/answered/" + std::to_string(whole.head.status);
}

TEST(ResponseDecoder, NeverCallsACutResponseComplete_O030_O031) {
  for (const ResponseCase& row : AllResponseCases()) {
    const Transcript whole = Transcribe(row.bytes, {}, InputOf(row));
    // A tunnel has no end but its connection's.
    if (!whole.done || row.upgrade_allowed) continue;
    const std::size_t message_end = row.bytes.size() - whole.left;
    const std::size_t head_end = HeadEnd(row.bytes, whole.informational.size());
    for (const std::size_t size : CutPositions(message_end)) {
      if (size == message_end) continue;
      const std::string_view prefix = std::string_view(row.bytes).substr(0, size);
      const Transcript cut = Transcribe(prefix, {}, InputOf(row));
      const std::string said = cut.Summary();
      const std::string expected = ExpectedAtEof(whole, head_end, size);
      ASSERT_TRUE(said.ends_with(expected)) << row.name << " cut at " << size << ": " << said;
      ASSERT_TRUE(whole.body.starts_with(cut.body)) << row.name << " cut at " << size;
    }
  }
}

TEST(ResponseDecoder, NeverCallsAPrefixOfARefusedResponseComplete_O030) {
  for (const ResponseCase& row : AllResponseCases()) {
    if (Transcribe(row.bytes, {}, InputOf(row)).done) continue;
    for (const std::size_t size : CutPositions(row.bytes.size())) {
      const std::string_view prefix = std::string_view(row.bytes).substr(0, size);
      ASSERT_FALSE(Transcribe(prefix, {}, InputOf(row)).done) << row.name << " cut at " << size;
    }
  }
}

TEST(ResponseDecoder, NamesTheRowsOnce) {
  std::vector<std::string> names;
  for (const ResponseCase& row : AllResponseCases()) names.push_back(row.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  EXPECT_EQ(twice, names.end()) << *twice;
}

TEST(ResponseDecoder, KeepsHeadersInOrderWithTheirCaseDuplicatesAndBytes_G9_O025) {
  const std::string bytes =
      "HTTP/1.1 404 Nicht gef\xfcnden\r\nX-b: 2\r\nx-B:\t 1 \t\r\nContent-Length: 0\r\n"
      "SET-COOKIE: a=\x80\xff\r\nPragma: no-cache\r\nX-b: 2\r\nConnection: x-b\r\n\r\n";
  const Transcript said = Transcribe(bytes, {}, {});
  ASSERT_TRUE(said.done);
  EXPECT_EQ(said.head.status, 404u);
  EXPECT_EQ(said.head.minor_version, 1);
  EXPECT_EQ(said.head.reason, "Nicht gef\xfcnden");
  EXPECT_EQ(said.head.headers, (HeaderList{{"X-b", "2"},
                                           {"x-B", "1"},
                                           {"Content-Length", "0"},
                                           {"SET-COOKIE", "a=\x80\xff"},
                                           {"Pragma", "no-cache"},
                                           {"X-b", "2"},
                                           {"Connection", "x-b"}}));
}

TEST(ResponseDecoder, TellsVersionOneNought) {
  EXPECT_EQ(Transcribe("HTTP/1.0 200 OK\r\n\r\n", {}, {}).head.minor_version, 0);
}

TEST(ResponseDecoder, GivesEachInformationalHeadItsOwnHeaders) {
  const Transcript said = Transcribe(
      "HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 103 Early\r\nLink: b\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      {}, {});
  ASSERT_EQ(said.informational.size(), 2u);
  EXPECT_EQ(said.informational[0].headers, (HeaderList{{"Link", "a"}}));
  EXPECT_EQ(said.informational[1].headers, (HeaderList{{"Link", "b"}}));
  EXPECT_EQ(said.head.headers, (HeaderList{{"Content-Length", "0"}}));
}

TEST(ResponseDecoder, StartsOverAfterReset) {
  ResponseDecoder decoder({}, true);
  std::string_view input = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
  EXPECT_EQ(decoder.Next(input), DecodeEvent::kHead);
  EXPECT_EQ(decoder.Next(input), DecodeEvent::kDone);
  decoder.Reset(false);
  EXPECT_FALSE(decoder.saw_any_byte());
  EXPECT_FALSE(decoder.head_complete());
  input = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcX";
  EXPECT_EQ(decoder.Next(input), DecodeEvent::kHead);
  EXPECT_TRUE(decoder.head_complete());
  EXPECT_EQ(decoder.Next(input), DecodeEvent::kData);
  EXPECT_EQ(decoder.data(), "abc");
  EXPECT_EQ(decoder.Next(input), DecodeEvent::kDone);
  EXPECT_EQ(input, "X");
  decoder.Reset(false);
  input = "bad";
  EXPECT_EQ(decoder.Next(input), DecodeEvent::kFailed);
  decoder.Reset(false);
  EXPECT_EQ(decoder.OnEof(), DecodeEvent::kFailed);
  EXPECT_EQ(decoder.failure().reason, Reason::kConnectionTerminated);
}

TEST(ResponseDecoder, IsDoneWithoutMoreInputOnceTheHeadSaysNoBody) {
  ResponseDecoder decoder({}, false);
  std::string_view input = "HTTP/1.1 204 No Content\r\n\r\n";
  EXPECT_EQ(decoder.Next(input), DecodeEvent::kHead);
  EXPECT_TRUE(input.empty());
  // The peer may close right after its last byte.
  EXPECT_EQ(decoder.OnEof(), DecodeEvent::kDone);
}

TEST(ResponseDecoder, PassesBodyBytesAsViewsOfTheInput) {
  ResponseDecoder decoder({}, false);
  const std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
  std::string_view input = bytes;
  EXPECT_EQ(decoder.Next(input), DecodeEvent::kHead);
  EXPECT_EQ(decoder.Next(input), DecodeEvent::kData);
  EXPECT_EQ(decoder.data().data(), bytes.data() + bytes.find("hello"));
}

TEST(ResponseDecoder, NeverPutsTheOriginsBytesIntoAFailure) {
  for (const ResponseCase& row : AllResponseCases()) {
    const Transcript said = Transcribe(row.bytes, {}, InputOf(row));
    for (const char c : said.failure.message) EXPECT_TRUE(c >= ' ' && c < 0x7f) << row.name;
    EXPECT_EQ(said.failure.message.find("evil"), std::string::npos);
    EXPECT_EQ(said.failure.message.empty(), said.done) << row.name;
  }
}

}  // namespace
}  // namespace spillway
