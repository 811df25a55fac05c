#include "metrics/http_endpoint.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace spillway {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class Endpoint : public testing::Test {
 protected:
  Endpoint() : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    HttpEndpoint::Handlers handlers;
    handlers.metrics = [this] {
      ++renderings_;
      return std::make_shared<const std::string>("metric_total 1\n");
    };
    handlers.ready = [this] { return ready_.load(); };
    std::string error;
    endpoint_ = HttpEndpoint::Start(acceptor_.native_handle(), std::move(handlers), error);
    EXPECT_NE(endpoint_, nullptr) << error;
  }

  tcp::socket Connect() {
    tcp::socket socket(io_);
    socket.connect(acceptor_.local_endpoint());
    return socket;
  }

  // The whole answer to one request on a connection of its own.
  std::string Ask(const std::string& head) {
    tcp::socket socket = Connect();
    boost::system::error_code error;
    asio::write(socket, asio::buffer(head + "Connection: close\r\n\r\n"), error);
    std::string answer;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    EXPECT_EQ(error, asio::error::eof);
    return answer;
  }
  std::string Get(const std::string& target) {
    return Ask("GET " + target + " HTTP/1.1\r\nHost: x\r\n");
  }

  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::atomic<bool> ready_{true};
  std::atomic<int> renderings_{0};
  std::unique_ptr<HttpEndpoint> endpoint_;
};

std::string StatusOf(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }
std::string BodyOf(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

TEST_F(Endpoint, ServesItsThreePathsAndNothingElse) {
  struct Row {
    const char* target;
    const char* status;
    const char* body;
  };
  for (const Row& row :
       {Row{"/metrics", "HTTP/1.1 200 OK", "metric_total 1\n"},
        Row{"/metrics?x=1", "HTTP/1.1 200 OK", "metric_total 1\n"},
        Row{"/healthz", "HTTP/1.1 200 OK", "ok\n"}, Row{"/readyz", "HTTP/1.1 200 OK", "ready\n"},
        Row{"/", "HTTP/1.1 404 Not Found", "not found\n"},
        Row{"/metrics/", "HTTP/1.1 404 Not Found", "not found\n"},
        Row{"/metricsx", "HTTP/1.1 404 Not Found", "not found\n"},
        Row{"/../healthz", "HTTP/1.1 404 Not Found", "not found\n"}}) {
    const std::string answer = Get(row.target);
    EXPECT_EQ(StatusOf(answer), row.status) << row.target;
    EXPECT_EQ(BodyOf(answer), row.body) << row.target;
  }
}

TEST_F(Endpoint, SaysTheContentTypeThatPrometheusExpects) {
  EXPECT_NE(Get("/metrics").find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            std::string::npos);
}

TEST_F(Endpoint, IsNotReadyWhileDraining) {
  ready_.store(false);
  const std::string answer = Get("/readyz");
  EXPECT_EQ(StatusOf(answer), "HTTP/1.1 503 Service Unavailable");
  EXPECT_EQ(BodyOf(answer), "draining\n");
  EXPECT_EQ(StatusOf(Get("/healthz")), "HTTP/1.1 200 OK");
}

TEST_F(Endpoint, AnswersHeadWithTheLengthAndWithoutTheBody) {
  const std::string answer = Ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n");
  EXPECT_EQ(StatusOf(answer), "HTTP/1.1 200 OK");
  EXPECT_NE(answer.find("Content-Length: 15\r\n"), std::string::npos) << answer;
  EXPECT_EQ(BodyOf(answer), "");
}

TEST_F(Endpoint, RefusesOtherMethods) {
  const std::string answer = Ask("DELETE /metrics HTTP/1.1\r\nHost: x\r\n");
  EXPECT_EQ(StatusOf(answer), "HTTP/1.1 405 Method Not Allowed");
  EXPECT_NE(answer.find("Allow: GET, HEAD\r\n"), std::string::npos);
}

TEST_F(Endpoint, RefusesMalformedAndOversizedRequestsAndHangsUp) {
  EXPECT_EQ(StatusOf(Ask("nonsense\r\n")), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(StatusOf(Ask("GET /metrics HTTP/1.1\r\nContent-Length: 5\r\n")),
            "HTTP/1.1 400 Bad Request");
  tcp::socket socket = Connect();
  boost::system::error_code error;
  asio::write(socket, asio::buffer("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x')), error);
  std::string answer;
  asio::read(socket, asio::dynamic_buffer(answer), error);
  EXPECT_TRUE(answer.empty() || StatusOf(answer) == "HTTP/1.1 400 Bad Request") << answer;
}

TEST_F(Endpoint, KeepsAConnectionForTheNextRequest) {
  tcp::socket socket = Connect();
  for (int i = 0; i < 3; ++i) {
    asio::write(socket, asio::buffer(std::string("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")));
    std::string answer;
    asio::read_until(socket, asio::dynamic_buffer(answer), "ok\n");
    EXPECT_EQ(StatusOf(answer), "HTTP/1.1 200 OK");
  }
}

TEST_F(Endpoint, ServesWhoComesWhileOthersSayNothing) {
  std::vector<tcp::socket> silent;
  for (std::size_t i = 0; i + 1 < HttpEndpoint::kMaxConnections; ++i) silent.push_back(Connect());
  EXPECT_EQ(BodyOf(Get("/healthz")), "ok\n");
}

// C-081: many scrapes at once; each gets its answer.
TEST_F(Endpoint, AnswersAThousandParallelScrapes) {
  constexpr std::size_t kScrapes = 1000;
  std::vector<tcp::socket> sockets;
  for (std::size_t i = 0; i < kScrapes; ++i) {
    sockets.push_back(Connect());
    asio::write(sockets.back(), asio::buffer(std::string("GET /metrics HTTP/1.1\r\nHost: x\r\n"
                                                         "Connection: close\r\n\r\n")));
  }
  for (auto& socket : sockets) {
    boost::system::error_code error;
    std::string answer;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    EXPECT_EQ(BodyOf(answer), "metric_total 1\n");
  }
  EXPECT_LE(renderings_.load(), static_cast<int>(kScrapes));
}

TEST_F(Endpoint, EndsConnectionsWhenItGoes) {
  tcp::socket socket = Connect();
  asio::write(socket, asio::buffer(std::string("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")));
  std::string answer;
  asio::read_until(socket, asio::dynamic_buffer(answer), "ok\n");
  endpoint_.reset();
  boost::system::error_code error;
  asio::read(socket, asio::dynamic_buffer(answer), error);
  EXPECT_TRUE(error == asio::error::eof || error == asio::error::connection_reset) << error;
}

TEST(EndpointStart, ServesAUnixSocket) {
  const char* folder = std::getenv("TEST_TMPDIR");
  // A short path: the folder of a test may be too long for a socket's name.
  ASSERT_EQ(::chdir(folder != nullptr ? folder : "/tmp"), 0);
  ::unlink("metrics.sock");
  asio::io_context io;
  const asio::local::stream_protocol::endpoint address("metrics.sock");
  asio::local::stream_protocol::acceptor acceptor(io, address);
  std::string error;
  const auto endpoint = HttpEndpoint::Start(
      acceptor.native_handle(),
      {[] { return std::make_shared<const std::string>(""); }, [] { return true; }}, error);
  ASSERT_NE(endpoint, nullptr) << error;
  asio::local::stream_protocol::socket socket(io);
  socket.connect(address);
  asio::write(socket, asio::buffer(std::string("GET /readyz HTTP/1.0\r\n\r\n")));
  std::string answer;
  boost::system::error_code end;
  asio::read(socket, asio::dynamic_buffer(answer), end);
  EXPECT_EQ(BodyOf(answer), "ready\n");
}

TEST(EndpointStart, SaysWhyADescriptorIsNoUse) {
  std::string error;
  EXPECT_EQ(HttpEndpoint::Start(-1, {}, error), nullptr);
  EXPECT_NE(error.find("listening socket"), std::string::npos);
}

}  // namespace
}  // namespace spillway
