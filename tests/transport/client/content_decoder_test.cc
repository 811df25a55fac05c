// Content codings undone: however the bytes arrive, whatever is wrong with them.

#include "transport/client/content_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/transport/client/encode.h"

namespace spillway {
namespace {

constexpr std::uint64_t kMaxExpansion = 100;

struct Outcome {
  std::string text;
  bool complete = false;
  std::string why;  // "": it did not fail

  bool ok() const { return complete && why.empty(); }
};

// Feeds the pieces one by one, as a body comes.
Outcome DecodePieces(Coding coding, const std::vector<std::string_view>& pieces,
                     std::uint64_t max_expansion = kMaxExpansion) {
  ContentDecoder decoder(coding, max_expansion);
  Outcome outcome;
  for (std::string_view input : pieces) {
    std::string_view output;
    while (true) {
      const ContentDecoder::Status status = decoder.Next(input, output);
      if (status == ContentDecoder::Status::kNeedInput) break;
      if (status == ContentDecoder::Status::kFailed) {
        outcome.why = decoder.why();
        return outcome;
      }
      EXPECT_FALSE(output.empty());
      EXPECT_LE(output.size(), ContentDecoder::kPieceBytes);
      outcome.text += output;
    }
    EXPECT_TRUE(input.empty());
  }
  outcome.complete = decoder.complete();
  return outcome;
}

Outcome DecodeWhole(Coding coding, std::string_view bytes) { return DecodePieces(coding, {bytes}); }

// Text that compresses, but not far.
std::string Text(std::size_t size) {
  std::string text;
  std::uint32_t state = 1;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text += "line " + std::to_string(state >> 16) + "\n";
  }
  text.resize(size);
  return text;
}

class Codings : public testing::TestWithParam<Coding> {
 protected:
  std::string Encoded(std::string_view text) const { return Encode(GetParam(), text); }
};

std::string NameOf(const testing::TestParamInfo<Coding>& row) {
  constexpr const char* kNames[] = {"Gzip", "Brotli", "Zstd"};
  return kNames[static_cast<std::size_t>(row.param)];
}

INSTANTIATE_TEST_SUITE_P(All, Codings,
                         testing::Values(Coding::kGzip, Coding::kBrotli, Coding::kZstd), NameOf);

TEST_P(Codings, Z2_GiveBackWhatWasEncoded) {
  for (const std::size_t size : {0U, 1U, 100U, 32768U, 65536U, 1000000U}) {
    const std::string text = Text(size);
    const Outcome outcome = DecodeWhole(GetParam(), Encoded(text));
    EXPECT_TRUE(outcome.ok()) << size << outcome.why;
    EXPECT_EQ(outcome.text, text);
  }
}

TEST_P(Codings, GiveTheSameHoweverTheBytesAreSplit) {
  const std::string text = Text(3000);
  const std::string bytes = Encoded(text);
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    const std::string_view whole = bytes;
    const Outcome outcome = DecodePieces(GetParam(), {whole.substr(0, at), whole.substr(at)});
    EXPECT_TRUE(outcome.ok()) << at << outcome.why;
    EXPECT_EQ(outcome.text, text) << at;
  }
  std::vector<std::string_view> single;
  for (const char& c : bytes) single.emplace_back(&c, 1);
  EXPECT_EQ(DecodePieces(GetParam(), single).text, text);
}

TEST_P(Codings, Z4_O126_AreNotCompleteWhenCutAnywhere) {
  const std::string bytes = Encoded(Text(500));
  for (std::size_t at = 1; at < bytes.size(); ++at) {
    const Outcome outcome = DecodeWhole(GetParam(), std::string_view(bytes).substr(0, at));
    EXPECT_FALSE(outcome.ok()) << at;
  }
}

TEST_P(Codings, AreCompleteWhenThereIsNoByteAtAll) {
  EXPECT_TRUE(DecodePieces(GetParam(), {}).ok());
  EXPECT_TRUE(DecodePieces(GetParam(), {""}).ok());
}

TEST_P(Codings, O126_FailOnBytesBehindTheirEnd) {
  const std::string bytes = Encoded(Text(500));
  for (const std::string& garbage : {std::string("x"), std::string("garbage behind the end"),
                                     std::string(100, '\0'), std::string("\x1f", 1)}) {
    const Outcome outcome = DecodeWhole(GetParam(), bytes + garbage);
    EXPECT_FALSE(outcome.ok()) << garbage;
    EXPECT_FALSE(DecodePieces(GetParam(), {bytes, garbage}).ok()) << garbage;
  }
}

TEST_P(Codings, O126_NoFlippedBitGoesRoundInCircles) {
  const std::string bytes = Encoded(Text(300));
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string broken = bytes;
    broken[i / 8] = static_cast<char>(broken[i / 8] ^ (1 << i % 8));
    const Outcome outcome = DecodeWhole(GetParam(), broken);
    EXPECT_LE(outcome.text.size(), ContentDecoder::kFreeBytes + kMaxExpansion * broken.size());
  }
}

TEST_P(Codings, O127_FailOnWhatIsNotEncoded) {
  const Outcome outcome = DecodeWhole(GetParam(), "<html>this was never compressed</html>");
  EXPECT_FALSE(outcome.ok());
  EXPECT_FALSE(outcome.why.empty());
}

TEST_P(Codings, O124_StopABombLongBeforeItsEnd) {
  const std::string bomb = Encoded(std::string(64U * 1024 * 1024, 'a'));
  const std::uint64_t limit = ContentDecoder::kFreeBytes + kMaxExpansion * bomb.size();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, bomb.size()}) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < bomb.size(); at += piece) {
      pieces.push_back(std::string_view(bomb).substr(at, piece));
    }
    const Outcome outcome = DecodePieces(GetParam(), pieces);
    EXPECT_EQ(outcome.why, "expands further than policy allows");
    EXPECT_LE(outcome.text.size(), limit);
  }
}

TEST_P(Codings, LetSmallBodiesExpandAsTheyLike) {
  const std::string text(static_cast<std::size_t>(ContentDecoder::kFreeBytes), 'a');
  const Outcome outcome = DecodePieces(GetParam(), {Encoded(text)}, 1);
  EXPECT_TRUE(outcome.ok()) << outcome.why;
  EXPECT_EQ(outcome.text.size(), text.size());
}

TEST(ContentDecoder, ReadsGzipMembersAndZstdFramesThatFollowEachOther) {
  for (const Coding coding : {Coding::kGzip, Coding::kZstd}) {
    const std::string bytes = Encode(coding, "one ") + Encode(coding, "") + Encode(coding, "two");
    EXPECT_EQ(DecodeWhole(coding, bytes).text, "one two");
    EXPECT_TRUE(DecodeWhole(coding, bytes).ok());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const std::string_view whole = bytes;
      EXPECT_EQ(DecodePieces(coding, {whole.substr(0, at), whole.substr(at)}).text, "one two");
    }
  }
  EXPECT_FALSE(DecodeWhole(Coding::kBrotli, Brotli("one") + Brotli("two")).ok());
}

TEST(ContentDecoder, O126_CountsEmptyMembersToo) {
  std::string bytes;
  for (int i = 0; i < 10000; ++i) bytes += Gzip("");
  EXPECT_TRUE(DecodeWhole(Coding::kGzip, bytes).ok());
}

TEST(ContentDecoder, FailsWhenTheChecksumDoesNotFit) {
  std::string bytes = Gzip("some text");
  bytes[bytes.size() - 6] ^= 1;
  EXPECT_FALSE(DecodeWhole(Coding::kGzip, bytes).ok());
}

// --- What is asked for ---

TEST(OfferedCodings, Z1_Z3_AreNotOfferedWhereTheyWouldBeInTheWay) {
  EXPECT_TRUE(MayOffer("GET", {}));
  EXPECT_TRUE(MayOffer("POST", HeaderList{{"Accept", "*/*"}}));
  EXPECT_FALSE(MayOffer("HEAD", {}));
  EXPECT_FALSE(MayOffer("CONNECT", {}));
  EXPECT_FALSE(MayOffer("GET", HeaderList{{"accept-encoding", "identity"}}));
  EXPECT_FALSE(MayOffer("GET", HeaderList{{"Accept-Encoding", ""}}));
  EXPECT_FALSE(MayOffer("GET", HeaderList{{"Range", "bytes=0-1"}}));
  EXPECT_FALSE(MayOffer("GET", HeaderList{{"Upgrade", "websocket"}}));
  EXPECT_EQ((OfferedCodings{}.AcceptEncoding()), "gzip");
  EXPECT_EQ((OfferedCodings{true, true}.AcceptEncoding()), "gzip, br, zstd");
}

TEST(OfferedCodings, Z2_O125_DecodeOnlyTheOneThatWasAskedFor) {
  const auto coding = [](const HeaderList& headers, OfferedCodings offered) {
    return CodingOf(headers, offered);
  };
  EXPECT_EQ(coding({{"Content-Encoding", "GZip"}}, {}), Coding::kGzip);
  EXPECT_EQ(coding({{"content-encoding", "x-gzip"}}, {}), Coding::kGzip);
  EXPECT_EQ(coding({{"Content-Encoding", "br"}}, {}), std::nullopt);
  EXPECT_EQ(coding({{"Content-Encoding", "br"}}, {.brotli = true}), Coding::kBrotli);
  EXPECT_EQ(coding({{"Content-Encoding", "zstd"}}, {.brotli = true}), std::nullopt);
  EXPECT_EQ(coding({{"Content-Encoding", "zstd"}}, {.zstd = true}), Coding::kZstd);
  EXPECT_EQ(coding({{"Content-Encoding", "deflate"}}, {}), std::nullopt);
  EXPECT_EQ(coding({{"Content-Encoding", "identity"}}, {}), std::nullopt);
  EXPECT_EQ(coding({{"Content-Encoding", ""}}, {}), std::nullopt);
  EXPECT_EQ(coding({{"Content-Encoding", "gzip, gzip"}}, {}), std::nullopt);
  EXPECT_EQ(coding({{"Content-Encoding", "gzip"}, {"Content-Encoding", "gzip"}}, {}), std::nullopt);
  EXPECT_EQ(coding({}, {}), std::nullopt);
}

TEST(OfferedCodings, Z2_TheHeadersOfADecodedBodySayNothingOfItsCoding) {
  EXPECT_EQ(WithoutCoding({{"Content-Type", "text/plain"},
                           {"content-length", "5"},
                           {"CONTENT-ENCODING", "gzip"},
                           {"ETag", "\"x\""}}),
            (HeaderList{{"Content-Type", "text/plain"}, {"ETag", "\"x\""}}));
}

}  // namespace
}  // namespace spillway
