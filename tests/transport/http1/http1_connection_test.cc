// Http1Connection over a stream that the test plays.

#include "transport/connection/http1_connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "tests/harness/push_body.h"
#include "tests/transport/http2/connection_driver.h"

namespace spillway {
namespace {

using Status = ByteStream::Status;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Takes every request. For a byte on the socket it answers with the beginning of a response that
// fills the reader's buffer to its last byte; then comes nothing more.
class OneFullRead final : public ByteStream {
 public:
  OneFullRead(int descriptor, Status then) : descriptor_(descriptor), then_(then) {}

  Io Read(std::span<char> into) override {
    char bell = 0;
    if (::recv(descriptor_, &bell, 1, MSG_DONTWAIT) == 1) {
      const std::string head =
          "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(into.size()) + "\r\n\r\n";
      std::fill(into.begin(), into.end(), 'x');
      std::copy(head.begin(), head.end(), into.begin());
      answered_ = true;
      return {Status::kOk, into.size()};
    }
    return {answered_ ? then_ : Status::kWantRead};
  }
  Io Write(std::span<const iovec> parts) override {
    std::size_t total = 0;
    for (const iovec& part : parts) total += part.iov_len;
    return {Status::kOk, total};
  }
  bool Quiet() override { return true; }
  Failure failure() const override { return {}; }

 private:
  const int descriptor_;
  const Status then_;
  bool answered_ = false;
};

// R6: the rest of a response that nobody wants is not waited for longer than it is worth, wherever
// the reads happen to end.
TEST(Http1Connection, GivesUpADrainThatFallsSilentBehindAFullRead) {
  for (const Status then : {Status::kWantRead, Status::kWantWrite}) {
    EventLoop loop(0, nullptr);
    int near = -1;
    WirePeer peer(near);
    asio::ip::tcp::socket socket(loop.context(), asio::ip::tcp::v4(), near);
    const auto connection = std::make_shared<Http1Connection>(
        loop, std::move(socket), std::make_unique<OneFullRead>(near, then), nullptr);
    loop.Start();
    loop.Post([connection] { connection->Open({}); });
    const auto unwilling = std::make_shared<HeardExchange>();
    unwilling->on_data = [](std::size_t) { return Flow::kAbort; };
    ExchangeSpec spec;
    spec.head = &unwilling->request;
    spec.response_limits = &unwilling->limits;
    ASSERT_EQ(connection->Start(std::move(spec), unwilling, 1), StartResult::kStarted);
    peer.Send("x");
    EXPECT_TRUE(unwilling->AwaitDone());
    EXPECT_EQ(unwilling->outcome(), "cancelled");
    connection->Close(CloseReason::kDrain);
    loop.Stop();
  }
}

// Takes what it is given until it is told to take nothing more; then its socket is full, too.
class StuckStream final : public ByteStream {
 public:
  explicit StuckStream(int descriptor) {
    const std::string filling(std::size_t{64} * 1024, 'x');
    while (::send(descriptor, filling.data(), filling.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
  }

  void Stick() { stuck_ = true; }
  Io Read(std::span<char>) override { return {Status::kWantRead}; }
  Io Write(std::span<const iovec> parts) override {
    if (stuck_) return {Status::kWantWrite};
    std::size_t total = 0;
    for (const iovec& part : parts) total += part.iov_len;
    return {Status::kOk, total};
  }
  bool Quiet() override { return true; }
  Failure failure() const override { return {}; }

 private:
  std::atomic<bool> stuck_ = false;
};

// C-043, C-044: once the caller has sent something again, it is the origin that does not take it.
TEST(Http1Connection, BlamesTheOriginForWhatItDoesNotTakeAfterAPause) {
  EventLoop loop(0, nullptr);
  int near = -1;
  WirePeer peer(near, true);
  asio::ip::tcp::socket socket(loop.context(), asio::ip::tcp::v4(), near);
  auto made = std::make_unique<StuckStream>(near);
  StuckStream& stream = *made;
  const auto connection =
      std::make_shared<Http1Connection>(loop, std::move(socket), std::move(made), nullptr);
  loop.Start();
  loop.Post([connection] { connection->Open({}); });
  const auto body = std::make_shared<PushBody>();
  const auto exchange = std::make_shared<HeardExchange>("POST");
  ExchangeSpec spec;
  spec.head = &exchange->request;
  spec.response_limits = &exchange->limits;
  spec.body = body;
  spec.limits.write_stall = milliseconds(60);
  spec.limits.caller_stall = seconds(60);
  // Sends the head and finds that the body has nothing yet.
  ASSERT_EQ(connection->Start(std::move(spec), exchange, 1), StartResult::kStarted);
  ASSERT_EQ(body->reads(), 1);
  stream.Stick();
  body->Push("at last");
  EXPECT_TRUE(exchange->AwaitDone());
  EXPECT_EQ(exchange->outcome(), "connection_write_timeout");
  connection->Close(CloseReason::kDrain);
  loop.Stop();
}

}  // namespace
}  // namespace spillway
