// How much of a streamed body leaves in one write, what becomes of it when the origin takes
// nothing, and which trailers may follow it.

#include "transport/connection/request_writer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/harness/memory_stream.h"
#include "tests/harness/push_body.h"
#include "transport/base/buffered_body.h"

namespace spillway {
namespace {

constexpr char kHead[] = "PUT / HTTP/1.1\r\n\r\n";

// Notes what every write was given.
class NotingStream final : public ByteStream {
 public:
  explicit NotingStream(std::shared_ptr<MemoryLink> link) : stream_(std::move(link)) {}
  Io Read(std::span<char> into) override { return stream_.Read(into); }
  Io Write(std::span<const iovec> parts) override {
    sizes.emplace_back(0);
    for (const iovec& part : parts) sizes.back() += part.iov_len;
    return stream_.Write(parts);
  }
  bool Quiet() override { return stream_.Quiet(); }
  void Shutdown() override { stream_.Shutdown(); }
  Failure failure() const override { return stream_.failure(); }

  std::vector<std::size_t> sizes;

 private:
  MemoryStream stream_;
};

class RequestWriterTest : public testing::Test {
 protected:
  WriteStatus Write(RequestWriter& writer) {
    return writer.Write(stream_, [this] { ++readies_; });
  }

  const std::shared_ptr<MemoryLink> link_ = std::make_shared<MemoryLink>();
  NotingStream stream_{link_};
  int readies_ = 0;
};

TEST_F(RequestWriterTest, SendsPiecesThatAreThereTogetherInOneWrite) {
  const auto body = std::make_shared<PushBody>(9);
  for (const char* piece : {"one", "two", "ten"}) body->Push(piece);
  body->End();
  RequestWriter writer(kHead, body, BodyCoding::kPlain, BodyStart::kAtOnce);
  EXPECT_EQ(Write(writer), WriteStatus::kDone);
  EXPECT_EQ(link_->to_far, std::string(kHead) + "onetwoten");
  EXPECT_EQ(stream_.sizes, (std::vector<std::size_t>{sizeof(kHead) - 1, 9}));
}

TEST_F(RequestWriterTest, SendsWhatIsThereWithoutWaitingForMore) {
  const auto body = std::make_shared<PushBody>();
  body->Push("one");
  body->Push("two");
  RequestWriter writer(kHead, body, BodyCoding::kChunked, BodyStart::kAtOnce);
  EXPECT_EQ(Write(writer), WriteStatus::kPending);
  EXPECT_EQ(link_->to_far, std::string(kHead) + "3\r\none\r\n3\r\ntwo\r\n");
  EXPECT_EQ(stream_.sizes.size(), 2u);
  body->End();
  EXPECT_EQ(readies_, 1);
  EXPECT_EQ(Write(writer), WriteStatus::kDone);
  EXPECT_TRUE(link_->to_far.ends_with("\r\n0\r\n\r\n"));
}

TEST_F(RequestWriterTest, TakesNoMoreThanIsGatheredAtOnceWhileTheOriginTakesNothing) {
  const auto body = std::make_shared<PushBody>();
  for (int i = 0; i < 100; ++i) body->Push(std::string(10'000, 'x'));
  link_->room = sizeof(kHead) - 1;
  RequestWriter writer(kHead, body, BodyCoding::kRaw, BodyStart::kAtOnce);
  EXPECT_EQ(Write(writer), WriteStatus::kBlocked);
  EXPECT_EQ(body->reads(), 7) << "64 KiB, and the piece that crossed it";
  EXPECT_EQ(Write(writer), WriteStatus::kBlocked);
  EXPECT_EQ(body->reads(), 7);
  link_->room = 1 << 24;
  EXPECT_EQ(Write(writer), WriteStatus::kPending);
  EXPECT_EQ(writer.sent(), sizeof(kHead) - 1 + 1'000'000);
}

TEST_F(RequestWriterTest, SaysThatItIsBlockedWhenTheBodyWaitsAsWell) {
  const auto body = std::make_shared<PushBody>();
  body->Push("one");
  link_->room = sizeof(kHead) - 1;
  RequestWriter writer(kHead, body, BodyCoding::kRaw, BodyStart::kAtOnce);
  EXPECT_EQ(Write(writer), WriteStatus::kBlocked);
  body->Push("two");
  EXPECT_EQ(Write(writer), WriteStatus::kBlocked);
  link_->room = 1 << 24;
  EXPECT_EQ(Write(writer), WriteStatus::kPending);
  EXPECT_EQ(link_->to_far, std::string(kHead) + "onetwo");
}

TEST_F(RequestWriterTest, TellsOfASourceThatFailsThoughTheOriginTakesNothing_F7) {
  const auto body = std::make_shared<PushBody>(9);
  body->Push("one");
  body->Fail();
  link_->room = sizeof(kHead) - 1;
  RequestWriter writer(kHead, body, BodyCoding::kPlain, BodyStart::kAtOnce);
  EXPECT_EQ(Write(writer), WriteStatus::kSourceError);
  EXPECT_EQ(writer.source_failure().reason, Reason::kCancelled);
}

std::shared_ptr<BufferedBody> HelloThen(HeaderList trailers) {
  return std::make_shared<BufferedBody>(Body::Of("hello"), std::move(trailers));
}

TEST_F(RequestWriterTest, SendsAsManyTrailersAsPolicyLetIn_F8) {
  HeaderList trailers;
  std::string end = "0\r\n";
  for (int i = 0; i < 2'000; ++i) {
    trailers.Add("x-" + std::to_string(i), std::string(50, 'v'));
    end += "x-" + std::to_string(i) + ": " + std::string(50, 'v') + "\r\n";
  }
  RequestWriter writer(kHead, HelloThen(trailers), BodyCoding::kChunked, BodyStart::kAtOnce);
  EXPECT_EQ(Write(writer), WriteStatus::kDone);
  EXPECT_EQ(link_->to_far, std::string(kHead) + "5\r\nhello\r\n" + end + "\r\n");
}

TEST_F(RequestWriterTest, EndsNoBodyWithATrailerThatWouldBreakTheMessage_F8) {
  const HeaderList cases[] = {
      {{"X", "1\r\nY: 2"}},
      {{"X:", "1"}},
      {{"", "1"}},
      {{"Content-Length", "5"}},
  };
  for (const HeaderList& trailers : cases) {
    RequestWriter writer(kHead, HelloThen(trailers), BodyCoding::kChunked, BodyStart::kAtOnce);
    EXPECT_EQ(Write(writer), WriteStatus::kSourceError);
    EXPECT_EQ(writer.source_failure().field, "trailers[0]");
    EXPECT_EQ(link_->to_far.find("0\r\n"), std::string::npos);
  }
}

}  // namespace
}  // namespace spillway
