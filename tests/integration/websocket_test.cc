// WebSocket over Stream to a server of python3-websockets: directly, behind nginx, through squid's
// CONNECT by configuration, and through a tunnel that the caller itself asks for (U1 to U6).

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/integration/configured_daemon.h"
#include "tests/integration/real_origins.h"
#include "tests/integration/real_proxies.h"
#include "tests/integration/server_process.h"
#include "tests/integration/web_socket.h"

namespace spillway {
namespace {

using Opcode = WebSocket::Opcode;

constexpr const char* kEcho = R"(
import asyncio, sys, websockets

async def echo(socket):
    async for message in socket:
        await socket.send(message)

async def main():
    async with websockets.serve(echo, "127.0.0.1", int(sys.argv[1]), compression=None):
        await asyncio.Future()

asyncio.run(main())
)";

constexpr const char* kNginx = R"(
daemon off;
master_process off;
pid FOLDER/pid;
error_log FOLDER/error.log;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
  server {
    listen 127.0.0.1:PORT;
    location /plain { return 200 "no socket here\n"; }
    location / {
      proxy_pass http://127.0.0.1:BEHIND;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
  }
}
)";

ServerProcess EchoServer() {
  return ServerProcess([](const std::string& folder, std::uint16_t port) {
    return ServerProcess::Plan{kEcho,
                               {"/usr/bin/python3", folder + "/config", std::to_string(port)}};
  });
}

ServerProcess NginxBefore(std::uint16_t behind) {
  return ServerProcess([behind](const std::string& folder, std::uint16_t port) {
    std::string config = FillConfig(kNginx, folder, port);
    const std::string mark = "BEHIND";
    config.replace(config.find(mark), mark.size(), std::to_string(behind));
    return ServerProcess::Plan{
        config,
        {"/usr/sbin/nginx", "-e", folder + "/error.log", "-p", folder, "-c", folder + "/config"}};
  });
}

std::string Hex(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += "0123456789abcdef"[(i * 7 + i / 251) % 16];
  return text;
}

// Messages of every size of length field, a ping, and the closing handshake.
void Converse(WebSocket& socket) {
  for (const std::size_t size : {0UL, 1UL, 125UL, 126UL, 65535UL, 65536UL, 300'000UL}) {
    ASSERT_TRUE(socket.Send(Opcode::kText, Hex(size))) << size;
    const auto echoed = socket.Receive();
    ASSERT_TRUE(echoed) << size;
    EXPECT_EQ(echoed->opcode, Opcode::kText);
    EXPECT_TRUE(echoed->last);
    EXPECT_TRUE(echoed->payload == Hex(size)) << size;
  }
  // Many at once, so that frames do not fall together with pieces of the stream.
  for (std::size_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(socket.Send(Opcode::kBinary, std::to_string(i) + Hex(i)));
  }
  for (std::size_t i = 0; i < 200; ++i) {
    const auto echoed = socket.Receive();
    ASSERT_TRUE(echoed) << i;
    EXPECT_EQ(echoed->opcode, Opcode::kBinary);
    EXPECT_EQ(echoed->payload, std::to_string(i) + Hex(i));
  }
  ASSERT_TRUE(socket.Send(Opcode::kPing, "are you there"));
  const auto pong = socket.Receive();
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->opcode, Opcode::kPong);
  EXPECT_EQ(pong->payload, "are you there");
  ASSERT_TRUE(socket.Send(Opcode::kClose, std::string("\x03\xe8", 2)));  // 1000, normal closure
  const auto close = socket.Receive();
  ASSERT_TRUE(close);
  EXPECT_EQ(close->opcode, Opcode::kClose);
  EXPECT_EQ(close->payload, std::string("\x03\xe8", 2));
  // It is the server that closes the connection (RFC 6455 7.1.1).
  EXPECT_TRUE(socket.AwaitClosed());
}

std::string ValueOf(const v1::HttpResponse& head, const std::string& name) {
  for (const v1::Header& header : head.headers()) {
    if (header.name() == name) return header.value();
  }
  return "none";
}

void OpenAndConverse(ConfiguredDaemon& daemon, const std::string& url) {
  WebSocket socket(daemon.stub());
  const auto head = socket.Open(url);
  ASSERT_TRUE(head) << socket.Finish().error_message();
  ASSERT_EQ(head->status(), 101U);
  EXPECT_EQ(ValueOf(*head, "Sec-WebSocket-Accept"), kWebSocketAccept);
  Converse(socket);
  const grpc::Status status = socket.Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

class WebSocketTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(echo_.running()) << echo_.output(); }

  ServerProcess echo_ = EchoServer();
};

TEST_F(WebSocketTest, EchoesThroughTheDaemon_U1) {
  ConfiguredDaemon daemon(testing::TempDir(), "{}\n");
  ASSERT_TRUE(daemon.ready()) << daemon.log();
  for (int i = 0; i < 3; ++i) {
    SCOPED_TRACE(i);
    OpenAndConverse(daemon, echo_.url("/chat"));
  }
  EXPECT_EQ(daemon.End(), 0);
}

TEST_F(WebSocketTest, EchoesBehindNginx_U1) {
  const ServerProcess nginx = NginxBefore(echo_.port());
  ASSERT_TRUE(nginx.running()) << nginx.output();
  ConfiguredDaemon daemon(testing::TempDir(), "{}\n");
  ASSERT_TRUE(daemon.ready()) << daemon.log();
  OpenAndConverse(daemon, nginx.url("/chat"));
  EXPECT_EQ(daemon.End(), 0);
}

// A server that does not switch answers as ever, and the connection stays in the pool.
TEST_F(WebSocketTest, IsAnOrdinaryResponseWhereThereIsNoWebSocket_U2) {
  const ServerProcess nginx = NginxBefore(echo_.port());
  ASSERT_TRUE(nginx.running()) << nginx.output();
  ConfiguredDaemon daemon(testing::TempDir(), "{}\n");
  ASSERT_TRUE(daemon.ready()) << daemon.log();
  for (int i = 0; i < 2; ++i) {
    WebSocket socket(daemon.stub());
    const auto head = socket.Open(nginx.url("/plain"));
    ASSERT_TRUE(head) << socket.Finish().error_message();
    EXPECT_EQ(head->status(), 200U);
    const grpc::Status status = socket.Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
}

TEST_F(WebSocketTest, EchoesThroughTheConnectOfASquid_U1) {
  const RealProxy squid(RealProxy::Kind::kSquidOpen);
  ASSERT_TRUE(squid.running()) << squid.output();
  ConfiguredDaemon daemon(testing::TempDir(),
                          "proxies: [{name: corp, tunnel_http: true, url: \"http://127.0.0.1:" +
                              std::to_string(squid.port()) +
                              "\"}]\ndefaults: {proxy: {servers: [corp]}}\n");
  ASSERT_TRUE(daemon.ready()) << daemon.log();
  OpenAndConverse(daemon, echo_.url("/chat"));
  EXPECT_EQ(squid.Logged("CONNECT 127.0.0.1:", 1), 1U) << squid.output();
}

// The caller speaks CONNECT itself; what goes through the tunnel is its own affair.
TEST_F(WebSocketTest, CarriesTheCallersOwnTunnelThroughASquid_U5_U6) {
  const RealProxy squid(RealProxy::Kind::kSquidOpen);
  const RealOrigin origin(RealOrigin::Kind::kNginx);
  ASSERT_TRUE(squid.running() && origin.running()) << squid.output() << origin.output();
  const std::string target = origin.url().substr(7, origin.url().find("/file") - 7);
  ConfiguredDaemon daemon(testing::TempDir(), "defaults: {stream: {allow_connect: true}}\n");
  ASSERT_TRUE(daemon.ready()) << daemon.log();
  WebSocket tunnel(daemon.stub());
  const auto head = tunnel.Connect("http://127.0.0.1:" + std::to_string(squid.port()), target);
  ASSERT_TRUE(head) << tunnel.Finish().error_message();
  ASSERT_EQ(head->status(), 200U);
  for (const char* connection : {"keep-alive", "close"}) {
    ASSERT_TRUE(tunnel.SendRaw("GET /file.txt HTTP/1.1\r\nHost: origin.test\r\nConnection: " +
                               std::string(connection) + "\r\n\r\n"));
    const auto answer = tunnel.ReceiveUntil(kRealBody);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->substr(0, 15), "HTTP/1.1 200 OK");
  }
  EXPECT_TRUE(tunnel.AwaitClosed());
  EXPECT_TRUE(tunnel.Finish().ok());
  EXPECT_EQ(origin.Count(2).connections, 1U);
}

}  // namespace
}  // namespace spillway
