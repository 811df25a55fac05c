// What is kept of a gRPC message for the sake of a body in it.

#include "server/body_share.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace spillway {
namespace {

struct Row {
  const char* name;
  std::uint64_t bytes;
  std::uint64_t pieces;
  std::uint64_t message_bytes;
  bool shared;
};

TEST(BodyShare, SharesOnlyWhatIsLargeAndMostOfItsMessage) {
  const std::vector<Row> rows = {
      {"one byte of a message of its own", 1, 1, 1, false},
      {"a little below 4 KiB", 4095, 1, 4095, false},
      {"4 KiB", 4096, 1, 4096, true},
      {"three quarters of the message", 6144, 1, 8192, true},
      {"a little less than that", 6143, 1, 8192, false},
      {"1 MiB of 64", 1 << 20, 1, 64 << 20, false},
      {"49 MiB of 64", 49 << 20, 1, 64 << 20, true},
      {"pieces of 1 KiB", 64 << 10, 64, 64 << 10, true},
      {"pieces of less", 64 << 10, 65, 64 << 10, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(SharesItsMessage(row.bytes, row.pieces, row.message_bytes), row.shared) << row.name;
  }
}

TEST(BodyShare, LetsGoOfTheMessageItCopiedFrom) {
  auto message = std::make_shared<const std::string>(100'000, 'm');
  Body body;
  body.Append({std::string_view(*message).substr(0, 5'000), message});
  body.Append({std::string_view(*message).substr(0, 1'000), message});
  const KeptBody kept = KeepBody(std::exchange(body, Body()), message->size());
  EXPECT_EQ(message.use_count(), 1);
  EXPECT_EQ(kept.body.Flatten(), std::string(6'000, 'm'));
  EXPECT_EQ(kept.body.chunks().size(), 1u);
  EXPECT_EQ(kept.weight, 6'000u + kKeptOverheadBytes);
}

TEST(BodyShare, WeighsAShareAsTheMessageThatItKeeps) {
  auto message = std::make_shared<const std::string>(100'000, 'm');
  Body body;
  body.Append({std::string_view(*message).substr(20'000), message});
  const KeptBody kept = KeepBody(std::exchange(body, Body()), message->size());
  EXPECT_EQ(kept.body.chunks().at(0).bytes.data(), message->data() + 20'000);
  EXPECT_EQ(message.use_count(), 2);
  EXPECT_EQ(kept.weight, 100'000u + kKeptOverheadBytes);
}

TEST(BodyShare, KeepsNothingForAnEmptyBody) {
  const KeptBody kept = KeepBody(Body(), 100'000);
  EXPECT_TRUE(kept.body.empty());
  EXPECT_EQ(kept.weight, 0u);
}

}  // namespace
}  // namespace spillway
