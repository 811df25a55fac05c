#include "transport/io/plain_stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

namespace spillway {
namespace {

using Status = ByteStream::Status;

class PlainStreamTest : public testing::Test {
 protected:
  // Blocking descriptors: the stream must not rely on O_NONBLOCK.
  void SetUp() override {
    ASSERT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()));
  }
  void TearDown() override {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }
  void ClosePeer() {
    ::close(ends_[1]);
    ends_[1] = -1;
  }
  static iovec Part(std::string& text) { return {text.data(), text.size()}; }

  std::array<int, 2> ends_{-1, -1};
  std::array<char, 64> buffer_{};
};

TEST_F(PlainStreamTest, WantsToReadUntilSomethingArrives) {
  PlainStream stream(ends_[0]);
  EXPECT_TRUE(stream.Quiet());
  EXPECT_EQ(Status::kWantRead, stream.Read(buffer_).status);
  ASSERT_EQ(3, ::write(ends_[1], "abc", 3));
  EXPECT_FALSE(stream.Quiet());
  const ByteStream::Io got = stream.Read(buffer_);
  EXPECT_EQ(Status::kOk, got.status);
  EXPECT_EQ("abc", std::string(buffer_.data(), got.bytes));
  EXPECT_TRUE(stream.Quiet());
}

TEST_F(PlainStreamTest, WritesAllPartsAtOnce) {
  PlainStream stream(ends_[0]);
  std::string one = "GET /";
  std::string two = " HTTP/1.1";
  const std::vector<iovec> parts = {Part(one), Part(two)};
  const ByteStream::Io io = stream.Write(parts);
  EXPECT_EQ(Status::kOk, io.status);
  EXPECT_EQ(one.size() + two.size(), io.bytes);
  const ssize_t got = ::read(ends_[1], buffer_.data(), buffer_.size());
  EXPECT_EQ("GET / HTTP/1.1", std::string(buffer_.data(), static_cast<std::size_t>(got)));
}

TEST_F(PlainStreamTest, WritesAPrefixOfVeryManyParts) {
  PlainStream stream(ends_[0]);
  std::string byte = "x";
  const std::vector<iovec> parts(3000, Part(byte));  // more than IOV_MAX
  const ByteStream::Io io = stream.Write(parts);
  EXPECT_EQ(Status::kOk, io.status);
  EXPECT_EQ(64u, io.bytes);
}

TEST_F(PlainStreamTest, WantsToWriteWhenTheSocketIsFull) {
  PlainStream stream(ends_[0]);
  std::string block(64 * 1024, 'x');
  const std::vector<iovec> parts = {Part(block)};
  ByteStream::Io io;
  do {
    io = stream.Write(parts);
  } while (io.status == Status::kOk);
  EXPECT_EQ(Status::kWantWrite, io.status);
}

TEST_F(PlainStreamTest, EndsOnceAndForAll) {
  PlainStream stream(ends_[0]);
  ClosePeer();
  EXPECT_FALSE(stream.Quiet());
  EXPECT_EQ(Status::kEnd, stream.Read(buffer_).status);
  EXPECT_EQ(Status::kEnd, stream.Read(buffer_).status);
  EXPECT_FALSE(stream.Quiet());
}

TEST_F(PlainStreamTest, FailsToWriteToAClosedPeerWithoutASignal) {
  PlainStream stream(ends_[0]);
  ClosePeer();
  std::string text = "x";
  const std::vector<iovec> parts = {Part(text)};
  EXPECT_EQ(Status::kError, stream.Write(parts).status);
  EXPECT_EQ(Status::kError, stream.Write(parts).status);
  EXPECT_EQ(Reason::kConnectionTerminated, stream.failure().reason);
  EXPECT_EQ(Source::kOrigin, stream.failure().source);
  // What the peer had sent before is still there to be read: its early answer, say.
  EXPECT_EQ(Status::kEnd, stream.Read(buffer_).status);
}

// Connected over TCP, where a peer can reset.
class ResetPeer {
 public:
  ResetPeer() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    EXPECT_EQ(0, ::bind(listener, generic, size));
    EXPECT_EQ(0, ::listen(listener, 1));
    EXPECT_EQ(0, ::getsockname(listener, generic, &size));
    near_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(0, ::connect(near_, generic, size));
    far_ = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    ::close(listener);
  }
  ~ResetPeer() { ::close(near_); }
  ResetPeer(const ResetPeer&) = delete;
  ResetPeer& operator=(const ResetPeer&) = delete;

  int descriptor() const { return near_; }
  // Says `last`, and resets; returns when both have arrived.
  void Reset(const std::string& last) const {
    EXPECT_EQ(static_cast<ssize_t>(last.size()), ::write(far_, last.data(), last.size()));
    const linger now{1, 0};
    ::setsockopt(far_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    ::close(far_);
    pollfd gone{near_, 0, 0};  // POLLERR and POLLHUP are always told
    EXPECT_EQ(1, ::poll(&gone, 1, -1));
  }

 private:
  int near_ = -1;
  int far_ = -1;
};

// O-070: else a body that ends with the connection would look whole.
TEST(PlainStream, ReadsNoEndBehindAResetThatAWriteMetFirst) {
  const ResetPeer peer;
  PlainStream stream(peer.descriptor());
  peer.Reset("half");
  std::string text = "x";
  const std::vector<iovec> parts = {{text.data(), text.size()}};
  EXPECT_EQ(Status::kError, stream.Write(parts).status);
  std::array<char, 64> buffer{};
  const ByteStream::Io half = stream.Read(buffer);
  EXPECT_EQ(Status::kOk, half.status);
  EXPECT_EQ("half", std::string(buffer.data(), half.bytes));
  EXPECT_EQ(Status::kError, stream.Read(buffer).status);
  EXPECT_EQ(Status::kError, stream.Read(buffer).status);
  EXPECT_EQ("the peer reset the connection", stream.failure().message);
}

TEST(PlainStream, ReadsNoEndBehindAResetThatALookMetFirst) {
  const ResetPeer peer;
  PlainStream stream(peer.descriptor());
  peer.Reset("");
  EXPECT_FALSE(stream.Quiet());
  std::array<char, 64> buffer{};
  EXPECT_EQ(Status::kError, stream.Read(buffer).status);
  EXPECT_EQ("the peer reset the connection", stream.failure().message);
}

TEST_F(PlainStreamTest, ShutdownIsAnEndForThePeer) {
  PlainStream stream(ends_[0]);
  stream.Shutdown();
  EXPECT_EQ(0, ::read(ends_[1], buffer_.data(), buffer_.size()));
}

TEST(SocketFailure, NamesTheError) {
  EXPECT_EQ("the peer reset the connection", SocketFailure(ECONNRESET).message);
  EXPECT_EQ("connection lost: Connection timed out", SocketFailure(ETIMEDOUT).message);
}

}  // namespace
}  // namespace spillway
