// The small machines beside the session: rations, the frame scanner, the upload.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/harness/http2_frames.h"
#include "tests/harness/test_body.h"
#include "transport/http2/flood_guard.h"
#include "transport/http2/frame_scanner.h"
#include "transport/http2/upload.h"

namespace spillway {
namespace {

using Kind = FloodGuard::Kind;
using std::chrono::milliseconds;

constexpr Instant kStart{std::chrono::seconds(50)};

int SpendAll(FloodGuard& guard, Kind kind, Instant now) {
  int spent = 0;
  while (spent < 10'000 && guard.Spend(kind, now)) ++spent;
  return spent;
}

TEST(FloodGuard, LetsABurstThroughAndThenARate) {
  FloodGuard guard(Http2Limits{}, kStart);
  EXPECT_EQ(SpendAll(guard, Kind::kPing, kStart), 100);
  EXPECT_EQ(SpendAll(guard, Kind::kPing, kStart + milliseconds(500)), 25);
  EXPECT_EQ(SpendAll(guard, Kind::kPing, kStart + hours(1)), 100);
  EXPECT_EQ(SpendAll(guard, Kind::kReset, kStart), 100);
  EXPECT_EQ(SpendAll(guard, Kind::kReset, kStart + seconds(1)), 30);
}

TEST(FloodGuard, KeepsKindsApart) {
  FloodGuard guard(Http2Limits{}, kStart);
  SpendAll(guard, Kind::kPing, kStart);
  EXPECT_TRUE(guard.Spend(Kind::kSettings, kStart));
  EXPECT_FALSE(guard.Spend(Kind::kContinuation, kStart));
}

TEST(FloodGuard, LetsThroughWhatWasEarnedUpToALimit) {
  FloodGuard guard(Http2Limits{}, kStart);
  SpendAll(guard, Kind::kWindowUpdate, kStart);
  guard.Earn(Kind::kWindowUpdate, 3);
  EXPECT_EQ(SpendAll(guard, Kind::kWindowUpdate, kStart), 3);
  for (int i = 0; i < 1'000'000; ++i) guard.Earn(Kind::kLateHead, 2);
  int spent = 0;
  while (guard.Spend(Kind::kLateHead, kStart)) ++spent;
  EXPECT_EQ(spent, 65536 + 100);
}

TEST(FloodGuard, IsNotFooledByAClockThatGoesBack) {
  FloodGuard guard(Http2Limits{}, kStart);
  SpendAll(guard, Kind::kPing, kStart + seconds(1));
  EXPECT_FALSE(guard.Spend(Kind::kPing, kStart));
  EXPECT_FALSE(guard.Spend(Kind::kPing, kStart + seconds(1)));
}

struct Scanned {
  int type;
  std::uint32_t stream;
  std::uint32_t content;
  bool operator==(const Scanned&) const = default;
};

std::vector<Scanned> Scan(std::string_view bytes, std::size_t piece) {
  FrameScanner scanner;
  std::vector<Scanned> frames;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    std::string_view part = bytes.substr(0, piece);
    while (scanner.Next(part)) {
      const FrameInfo& frame = scanner.frame();
      frames.push_back({frame.type, frame.stream, frame.content});
    }
  }
  return frames;
}

TEST(FrameScanner, FindsTheSameFramesHoweverTheBytesAreCut) {
  const std::string bytes = h2::Settings() + h2::Ping() + h2::Data(1, "hello") +
                            h2::PaddedData(3, "ab", 7) + h2::PaddedData(3, "", 0) +
                            h2::PaddedData(5, "", 255) + h2::Frame(h2::kData, h2::kPadded, 7, "") +
                            h2::Frame(h2::kData, h2::kPadded, 7, "\x09") + h2::Data(9, "");
  const std::vector<Scanned> expected = {{4, 0, 0}, {6, 0, 8}, {0, 1, 5}, {0, 3, 2}, {0, 3, 0},
                                         {0, 5, 0}, {0, 7, 0}, {0, 7, 0}, {0, 9, 0}};
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    EXPECT_EQ(Scan(bytes, piece), expected) << piece;
  }
}

using State = Http2Upload::State;

Http2Upload Upload(StreamedBody::Options options) {
  return Http2Upload(std::make_shared<StreamedBody>(std::move(options)),
                     [] { return std::function<void()>([] {}); });
}

// H15, F5: the last piece of a declared length waits until the source says that it is the last.
TEST(Http2Upload, HoldsTheLastPieceBackUntilTheEndIsKnown) {
  StreamedBody::Options options;
  options.bytes = "abcd";
  options.piece = 2;
  options.length = 4;
  int reads = 0;
  options.gate = [&reads](const std::function<void()>&) { return ++reads != 3; };
  Http2Upload upload = Upload(std::move(options));
  ASSERT_EQ(upload.Prepare(), State::kReady);
  EXPECT_EQ(upload.front(), "ab");
  EXPECT_FALSE(upload.last());
  upload.Take(2);
  EXPECT_EQ(upload.Prepare(), State::kPending);  // "cd" is here, the end is not
  upload.OnWoken();
  ASSERT_EQ(upload.Prepare(), State::kReady);
  EXPECT_EQ(upload.front(), "cd");
  EXPECT_TRUE(upload.last());
}

// Without a length, what is there goes at once and the end by itself.
TEST(Http2Upload, SendsWhatItHasOfABodyOfUnknownLength) {
  StreamedBody::Options options;
  options.bytes = "ab";
  options.piece = 2;
  int reads = 0;
  options.gate = [&reads](const std::function<void()>&) { return ++reads != 2; };
  Http2Upload upload = Upload(std::move(options));
  ASSERT_EQ(upload.Prepare(), State::kReady);
  EXPECT_EQ(upload.front(), "ab");
  EXPECT_FALSE(upload.last());
  upload.Take(2);
  EXPECT_EQ(upload.Prepare(), State::kPending);
  upload.OnWoken();
  ASSERT_EQ(upload.Prepare(), State::kReady);
  EXPECT_EQ(upload.front(), "");
  EXPECT_TRUE(upload.last());
}

}  // namespace
}  // namespace spillway
