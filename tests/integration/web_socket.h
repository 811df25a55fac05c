// A WebSocket (RFC 6455) over Stream's tunnel: the caller's side of the handshake and of frames.
//
// What it is: what an application does that keeps its own WebSocket code and lets the daemon carry
// the bytes. Messages are sent in one frame each.
// Thread safety: none; one test's own.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/server/stream_client.h"

namespace spillway {

class WebSocket {
 public:
  enum class Opcode : std::uint8_t { kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };
  struct Frame {
    Opcode opcode = Opcode::kText;
    bool last = false;
    std::string payload;
  };

  explicit WebSocket(v1::Egress::Stub& stub) : stream_(stub) {}

  // Sends the handshake of RFC 6455 1.3; the head of the response, nullopt when there was none.
  std::optional<v1::HttpResponse> Open(const std::string& url);
  // Sends a tunnel's head; what goes through it then is the caller's affair.
  std::optional<v1::HttpResponse> Connect(const std::string& proxy_url, const std::string& target);
  bool Send(Opcode opcode, const std::string& payload);
  bool SendRaw(const std::string& bytes);
  // The next frame; nullopt when the tunnel ended or the bytes are no frame.
  std::optional<Frame> Receive();
  // Reads raw bytes until `mark` has come; all up to and including it.
  std::optional<std::string> ReceiveUntil(const std::string& mark);
  // Whether the origin has closed its side, which is the trailers frame, with nothing before it.
  bool AwaitClosed();
  grpc::Status Finish();

 private:
  std::optional<v1::HttpResponse> AwaitHead();
  bool Need(std::size_t bytes);

  StreamClient stream_;
  std::string received_;
  bool closed_ = false;
  std::uint32_t mask_ = 0x5a17c3e9;
};

// What a server answers to the key that Open sends.
inline constexpr const char* kWebSocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

}  // namespace spillway
