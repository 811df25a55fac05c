// What is kept of a streamed body to send it again, and what that costs.

#include "transport/base/replay_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tests/harness/push_body.h"

namespace spillway {
namespace {

// Hands out shares of one owner.
class SharedPieces final : public BodySource {
 public:
  SharedPieces(std::size_t piece, std::size_t total) : piece_(piece), left_(total) {}
  std::optional<std::uint64_t> length() const override { return std::nullopt; }
  bool replayable() const override { return false; }
  bool Rewind() override { return false; }
  Failure failure() const override { return {}; }
  Status Read(Chunk& chunk, std::function<void()> /*ready*/) override {
    if (left_ == 0) return Status::kEnd;
    const std::size_t size = std::min(piece_, left_);
    left_ -= size;
    chunk = {std::string_view(*message).substr(0, size), message};
    return Status::kData;
  }

  const std::shared_ptr<const std::string> message =
      std::make_shared<const std::string>(100'000, 'm');

 private:
  const std::size_t piece_;
  std::size_t left_;
};

// All that is there to read, and how often it was asked for.
std::pair<std::string, int> ReadOn(BodySource& body) {
  std::pair<std::string, int> read;
  Chunk chunk;
  while (body.Read(chunk, nullptr) == BodySource::Status::kData) {
    read.first += chunk.bytes;
    ++read.second;
  }
  return read;
}

TEST(ReplayBuffer, PutsSmallPiecesTogetherAndKeepsNothingOfWhatTheyWereCutFrom) {
  const auto source = std::make_shared<SharedPieces>(1, 10'000);
  ReplayBuffer body(source, 64 * 1024);
  EXPECT_EQ(ReadOn(body).second, 10'000);
  EXPECT_EQ(source->message.use_count(), 1);
  ASSERT_TRUE(body.Rewind());
  EXPECT_EQ(ReadOn(body), std::make_pair(std::string(10'000, 'm'), 1));
}

TEST(ReplayBuffer, SharesLargePieces) {
  const auto source = std::make_shared<SharedPieces>(8'192, 10'000);
  ReplayBuffer body(source, 64 * 1024);
  ReadOn(body);
  EXPECT_EQ(source->message.use_count(), 2) << "the large one; the rest is a copy";
  ASSERT_TRUE(body.Rewind());
  EXPECT_EQ(ReadOn(body), std::make_pair(std::string(10'000, 'm'), 2));
}

TEST(ReplayBuffer, KeepsTheOrderOfSmallAndLargeOverSeveralAttempts) {
  const auto source = std::make_shared<PushBody>();
  ReplayBuffer body(source, 64 * 1024);
  std::string wanted;
  const auto push = [&](std::size_t size, char letter) {
    source->Push(std::string(size, letter));
    wanted += std::string(size, letter);
  };
  push(3, 'a');
  push(5'000, 'b');
  push(4, 'c');
  EXPECT_EQ(ReadOn(body).first, wanted);
  ASSERT_TRUE(body.Rewind());
  push(5, 'd');
  push(6'000, 'e');
  EXPECT_EQ(ReadOn(body).first, wanted);
  source->End();
  ASSERT_TRUE(body.Rewind());
  EXPECT_EQ(ReadOn(body).first, wanted);
}

TEST(ReplayBuffer, ForgetsAllWhenItsLimitIsCrossed) {
  const auto source = std::make_shared<SharedPieces>(1'000, 65'000);
  ReplayBuffer body(source, 64'000);
  Chunk chunk;
  for (int i = 0; i < 64; ++i) ASSERT_EQ(body.Read(chunk, nullptr), BodySource::Status::kData);
  EXPECT_TRUE(body.replayable());
  ASSERT_EQ(body.Read(chunk, nullptr), BodySource::Status::kData);
  EXPECT_EQ(chunk.bytes, std::string(1'000, 'm'));
  EXPECT_FALSE(body.replayable());
  EXPECT_FALSE(body.Rewind());
}

}  // namespace
}  // namespace spillway
