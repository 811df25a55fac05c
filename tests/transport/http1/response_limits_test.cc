// Each limit of ResponseLimits, at the limit and one beyond.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/transport/http1/transcript.h"
#include "transport/http1/response_decoder.h"

namespace spillway {
namespace {

constexpr char kHeadTooLarge[] = "fail:http_response_header_section_size/first_byte/unknown";
constexpr char kTrailersTooLarge[] = "fail:http_response_trailer_section_size/body/answered/200";
constexpr char kBadChunk[] = "fail:http_response_transfer_coding/body/answered/200";
constexpr char kOk[] = "200 length:0 done";

// Whole, in two halves, and in small pieces: limits must not depend on how bytes arrive.
std::string Summarise(const std::string& bytes, const DecoderInput& input = {}) {
  const Transcript whole = Transcribe(bytes, {}, input);
  EXPECT_TRUE(Transcribe(bytes, {bytes.size() / 2}, input) == whole);
  std::vector<std::size_t> cuts;
  for (std::size_t at = 7; at < bytes.size(); at += 13) cuts.push_back(at);
  EXPECT_TRUE(Transcribe(bytes, cuts, input) == whole);
  return whole.Summary();
}

std::string Pad(std::size_t size, char c = 'x') { return std::string(size, c); }

TEST(ResponseLimits, BoundTheStatusLine_O011) {
  const std::string rest = "\r\nContent-Length: 0\r\n\r\n";
  const std::string start = "HTTP/1.1 200 ";
  const std::size_t room = ResponseLimits().max_status_line_bytes - start.size() - 2;
  EXPECT_EQ(Summarise(start + Pad(room) + rest), kOk);
  EXPECT_EQ(Summarise(start + Pad(room + 1) + rest),
            "fail:http_response_header_size/first_byte/unknown");
  EXPECT_EQ(Summarise(start + Pad(1 << 20)), "fail:http_response_header_size/first_byte/unknown");
}

TEST(ResponseLimits, StopReadingAtTheLimitWithoutALineEnd_O011_O012) {
  ResponseDecoder decoder({}, false);
  const std::string endless = "HTTP/1.1 200 OK\r\nA: " + Pad(1 << 20);
  std::string_view input = endless;
  EXPECT_EQ(decoder.Next(input), DecodeEvent::kFailed);
  EXPECT_EQ(endless.size() - input.size(), ResponseLimits().max_header_bytes);
}

TEST(ResponseLimits, BoundTheHead_O012_O032) {
  const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: ";
  const std::size_t room = ResponseLimits().max_header_bytes - start.size() - 4;
  EXPECT_EQ(Summarise(start + Pad(room) + "\r\n\r\n"), kOk);
  EXPECT_EQ(Summarise(start + Pad(room + 1) + "\r\n\r\n"), kHeadTooLarge);
  EXPECT_EQ(Summarise(start + Pad(100 * 1024) + "\r\n\r\n"), kHeadTooLarge);
  EXPECT_EQ(Summarise(start + Pad(1000, ',') + "\r\n\r\n"), kOk);
}

TEST(ResponseLimits, BoundTheNumberOfFields_O013) {
  const auto fields = [](int count) {
    std::string bytes = "HTTP/1.1 200 OK\r\n";
    for (int i = 1; i < count; ++i) bytes += "A: b\r\n";
    return bytes + "Content-Length: 0\r\n\r\n";
  };
  EXPECT_EQ(Summarise(fields(500)), kOk);
  EXPECT_EQ(Summarise(fields(501)), kHeadTooLarge);
  EXPECT_EQ(Summarise(fields(10000)), kHeadTooLarge);
}

TEST(ResponseLimits, AreSharedByAllHeadsOfTheExchange_O080) {
  const std::string hints = "HTTP/1.1 103 E\r\nLink: " + Pad(20 * 1024) + "\r\n\r\n";
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(Summarise(hints + hints + hints + last), "103; 103; 103; 200 length:0 done");
  EXPECT_EQ(Summarise(hints + hints + hints + hints + last),
            std::string("103; 103; 103; ") + kHeadTooLarge);
  DecoderInput few;
  few.limits.max_header_fields = 2;
  const std::string hint = "HTTP/1.1 103 E\r\nLink: a\r\n\r\n";
  EXPECT_EQ(Summarise(hint + last, few), "103; 200 length:0 done");
  EXPECT_EQ(Summarise(hint + hint + last, few), std::string("103; 103; ") + kHeadTooLarge);
}

TEST(ResponseLimits, StartOverWithEachExchange) {
  const std::string response =
      "HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1;" +
      Pad(34) + "\r\na\r\n0\r\n\r\n";
  ResponseLimits limits;
  limits.max_header_bytes = 80;
  limits.max_header_fields = 1;
  limits.max_informational = 1;
  limits.max_chunk_overhead_bytes = 24;
  ResponseDecoder decoder(limits, false);
  for (int i = 0; i < 3; ++i) {
    std::string_view input = response;
    EXPECT_EQ(decoder.Next(input), DecodeEvent::kInformational) << i;
    EXPECT_EQ(decoder.Next(input), DecodeEvent::kHead) << i;
    EXPECT_EQ(decoder.Next(input), DecodeEvent::kData) << i;
    EXPECT_EQ(decoder.Next(input), DecodeEvent::kDone) << i;
    decoder.Reset(false);
  }
}

TEST(ResponseLimits, BoundAFloodOfCookies_O096) {
  std::string bytes = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 5000; ++i) bytes += "Set-Cookie: " + Pad(4096) + "\r\n";
  EXPECT_EQ(Summarise(bytes), kHeadTooLarge);
}

TEST(ResponseLimits, BoundInformationalResponses_O079) {
  DecoderInput one;
  one.limits.max_informational = 1;
  const std::string hint = "HTTP/1.1 103 E\r\n\r\n";
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(Summarise(hint + last, one), "103; 200 length:0 done");
  EXPECT_EQ(Summarise(hint + hint + last, one), "103; fail:http_protocol_error/first_byte/unknown");
  std::string endless;
  for (int i = 0; i < 1000; ++i) endless += hint;
  EXPECT_TRUE(Summarise(endless).ends_with("fail:http_protocol_error/first_byte/unknown"));
}

std::string Chunked(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

TEST(ResponseLimits, BoundTheTrailers_O064) {
  const std::string head = Chunked("0\r\n");
  // The size line of a chunk is not part of the header budget.
  const std::size_t used = head.size() - 3;
  const std::size_t room = ResponseLimits().max_header_bytes - used - 3 - 4;
  EXPECT_EQ(Transcribe(head + "T: " + Pad(room) + "\r\n\r\n", {}, {}).trailers[0].value.size(),
            room);
  EXPECT_TRUE(Summarise(head + "T: " + Pad(room + 1) + "\r\n\r\n").ends_with(kTrailersTooLarge));
  EXPECT_TRUE(Summarise(head + "T: " + Pad(10 << 20)).ends_with(kTrailersTooLarge));
  std::string many;
  for (int i = 0; i < 499; ++i) many += "T: v\r\n";
  EXPECT_TRUE(Summarise(head + many + "\r\n").ends_with("done"));
  EXPECT_TRUE(Summarise(head + many + "T: v\r\n\r\n").ends_with(kTrailersTooLarge));
  // Fields that are dropped count too.
  std::string dropped;
  for (int i = 0; i < 10000; ++i) dropped += "Host: v\r\n";
  EXPECT_TRUE(Summarise(head + dropped + "\r\n").ends_with(kTrailersTooLarge));
}

TEST(ResponseLimits, BoundAChunkLine_O055) {
  const auto body = [](std::size_t line_bytes) {
    return Chunked("2;" + Pad(line_bytes - 4) + "\r\nab\r\n0\r\n\r\n");
  };
  const std::size_t limit = ResponseLimits().max_chunk_line_bytes;
  EXPECT_EQ(Summarise(body(limit)), "200 chunked 'ab' done");
  EXPECT_EQ(Summarise(body(limit + 1)), std::string("200 chunked ") + kBadChunk);
  EXPECT_EQ(Summarise(Chunked("2;" + Pad(10 << 20))), std::string("200 chunked ") + kBadChunk);
}

TEST(ResponseLimits, BoundChunkFramingBeyondWhatTheDataExcuses_O056) {
  // Each chunk of one byte has a line of 1,018 bytes and a line end: 1,020 - 18 beyond its due.
  const std::string chunk = "1;" + Pad(1014) + "\r\na\r\n";
  const auto body = [&](std::size_t count) {
    std::string bytes;
    for (std::size_t i = 0; i < count; ++i) bytes += chunk;
    return Chunked(bytes + "0\r\n\r\n");
  };
  const std::size_t fits = ResponseLimits().max_chunk_overhead_bytes / (1020 - 18);
  EXPECT_EQ(Summarise(body(fits)), "200 chunked '" + Pad(fits, 'a') + "' done");
  EXPECT_EQ(Summarise(body(fits + 1)), "200 chunked '" + Pad(fits, 'a') + "' " + kBadChunk);
}

TEST(ResponseLimits, LetLargeChunksPayForTheirExtensions_O056) {
  std::string body;
  for (int i = 0; i < 100; ++i) {
    body += "800;" + Pad(4000) + "\r\n" + Pad(2048, 'a') + "\r\n";
  }
  const Transcript said = Transcribe(Chunked(body + "0\r\n\r\n"), {}, {});
  EXPECT_TRUE(said.done);
  EXPECT_EQ(said.body.size(), 100u * 2048u);
}

TEST(ResponseLimits, PassAMillionChunksOfOneByte_O067) {
  std::string body;
  for (int i = 0; i < 1'000'000; ++i) body += "1\r\na\r\n";
  const Transcript said = Transcribe(Chunked(body + "0\r\n\r\n"), {}, {});
  EXPECT_TRUE(said.done);
  EXPECT_EQ(said.body.size(), 1'000'000u);
}

}  // namespace
}  // namespace spillway
