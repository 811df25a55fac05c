#include "tests/integration/web_socket.h"

namespace spillway {
namespace {

// The key of RFC 6455's own example, whose answer is known.
constexpr const char* kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::size_t kPiece = 64 * 1024;  // most in one frame of Stream

void Add(v1::HttpRequest& head, const char* name, const char* value) {
  v1::Header& header = *head.add_headers();
  header.set_name(name);
  header.set_value(value);
}

std::uint8_t ByteAt(const std::string& bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

void AppendBigEndian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

}  // namespace

std::optional<v1::HttpResponse> WebSocket::Open(const std::string& url) {
  v1::HttpRequest head;
  head.set_url(url);
  Add(head, "Connection", "Upgrade");
  Add(head, "Upgrade", "websocket");
  Add(head, "Sec-WebSocket-Version", "13");
  Add(head, "Sec-WebSocket-Key", kKey);
  if (!stream_.Head(head)) return std::nullopt;
  return AwaitHead();
}

std::optional<v1::HttpResponse> WebSocket::Connect(const std::string& proxy_url,
                                                   const std::string& target) {
  v1::HttpRequest head;
  head.set_method("CONNECT");
  head.set_url(proxy_url);
  head.set_request_target(target);
  if (!stream_.Head(head)) return std::nullopt;
  return AwaitHead();
}

std::optional<v1::HttpResponse> WebSocket::AwaitHead() {
  std::optional<v1::StreamResponse> frame = stream_.Read();
  if (!frame || !frame->has_head()) return std::nullopt;
  received_ = frame->head().body();
  return frame->head();
}

bool WebSocket::Send(Opcode opcode, const std::string& payload) {
  std::string frame(1, static_cast<char>(0x80 | static_cast<int>(opcode)));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else if (payload.size() <= 0xffff) {
    frame += static_cast<char>(0x80 | 126);
    AppendBigEndian(frame, payload.size(), 2);
  } else {
    frame += static_cast<char>(0x80 | 127);
    AppendBigEndian(frame, payload.size(), 8);
  }
  std::string mask;
  AppendBigEndian(mask, mask_ = mask_ * 1664525 + 1013904223, 4);
  frame += mask;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(ByteAt(payload, i) ^ ByteAt(mask, i % 4));
  }
  return SendRaw(frame);
}

bool WebSocket::SendRaw(const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    if (!stream_.Data(bytes.substr(at, kPiece))) return false;
  }
  return true;
}

bool WebSocket::Need(std::size_t bytes) {
  while (received_.size() < bytes && !closed_) {
    const std::optional<v1::StreamResponse> frame = stream_.Read();
    if (frame && frame->frame_case() == v1::StreamResponse::kData) {
      received_ += frame->data();
    } else {
      closed_ = true;
    }
  }
  return received_.size() >= bytes;
}

std::optional<WebSocket::Frame> WebSocket::Receive() {
  if (!Need(2)) return std::nullopt;
  Frame frame;
  frame.opcode = static_cast<Opcode>(ByteAt(received_, 0) & 0x0f);
  frame.last = (ByteAt(received_, 0) & 0x80) != 0;
  if ((ByteAt(received_, 1) & 0x80) != 0) return std::nullopt;  // servers never mask
  std::uint64_t length = ByteAt(received_, 1);
  std::size_t head = 2;
  if (length >= 126) {
    const std::size_t extra = length == 126 ? 2 : 8;
    if (!Need(head + extra)) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < extra; ++i) length = length << 8 | ByteAt(received_, head + i);
    head += extra;
  }
  if (!Need(head + length)) return std::nullopt;
  frame.payload = received_.substr(head, length);
  received_.erase(0, head + length);
  return frame;
}

std::optional<std::string> WebSocket::ReceiveUntil(const std::string& mark) {
  while (received_.find(mark) == std::string::npos) {
    if (!Need(received_.size() + 1)) return std::nullopt;
  }
  const std::size_t end = received_.find(mark) + mark.size();
  std::string found = received_.substr(0, end);
  received_.erase(0, end);
  return found;
}

bool WebSocket::AwaitClosed() {
  if (!received_.empty() || closed_) return false;
  const std::optional<v1::StreamResponse> frame = stream_.Read();
  closed_ = true;
  return frame && frame->has_trailers();
}

grpc::Status WebSocket::Finish() {
  stream_.HalfClose();
  while (stream_.Read()) {
  }
  return stream_.Finish();
}

}  // namespace spillway
