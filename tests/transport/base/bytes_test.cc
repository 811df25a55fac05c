#include "transport/base/bytes.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace spillway {
namespace {

TEST(Body, IsItsChunksInOrderWithoutEmptyOnes) {
  Body body;
  EXPECT_TRUE(body.empty());
  body.Append(Chunk::Own("ab"));
  body.Append(Chunk::Own(""));
  body.Append(Chunk::Own(std::string("c\0", 2)));
  EXPECT_EQ(body.size(), 4u);
  EXPECT_EQ(body.chunks().size(), 2u);
  EXPECT_EQ(body.Flatten(), std::string("abc\0", 4));
  EXPECT_TRUE(Body::Of("").empty());
}

TEST(Chunk, KeepsItsBytesAliveWhileAnyCopyLives) {
  std::weak_ptr<const void> owner;
  {
    Chunk copy;
    {
      const Chunk chunk = Chunk::Own(std::string(100, 'x'));
      owner = chunk.owner;
      copy = chunk;
    }
    EXPECT_FALSE(owner.expired());
    EXPECT_EQ(copy.bytes, std::string(100, 'x'));
  }
  EXPECT_TRUE(owner.expired());
}

// The small-string case: the bytes are inside the string object, which must not move.
TEST(Chunk, OfAShortStringSurvivesACopy) {
  Chunk copy;
  {
    const Chunk chunk = Chunk::Own("abc");
    copy = chunk;
  }
  EXPECT_EQ(copy.bytes, "abc");
}

}  // namespace
}  // namespace spillway
