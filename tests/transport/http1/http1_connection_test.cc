// Http1Connection over a stream that the test plays.

#include "transport/connection/http1_connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "tests/transport/http2/connection_driver.h"

namespace spillway {
namespace {

using Status = ByteStream::Status;

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

}  // namespace
}  // namespace spillway
