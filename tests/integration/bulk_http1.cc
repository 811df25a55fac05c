// HTTP/1.1 of BulkOrigin.

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "tests/integration/bulk_connection.h"
#include "tests/origin/seen.h"

namespace spillway {
namespace {

class Http1 {
 public:
  Http1(BulkState& state, const BulkSocket& socket) : state_(state), socket_(socket) {}

  // False: the connection is over.
  bool ServeOne() {
    std::size_t end = in_.find("\r\n\r\n");
    while (end == std::string::npos) {
      if (!socket_.ReadMore(state_, in_)) return false;
      end = in_.find("\r\n\r\n");
    }
    const SeenRequest request = ParseHead(std::string_view(in_).substr(0, end + 4));
    in_.erase(0, end + 4);
    ++state_.open;
    const bool served = Answer(request);
    --state_.open;
    return served;
  }

 private:
  bool Answer(const SeenRequest& request) {
    if (request.target == "/up") return TakeUpload(request);
    if (request.target == "/hold") return Hold();
    if (request.target == "/stuck") return Stick();
    return SendBulk(BulkBytesOf(request.target));
  }

  bool Send(std::string_view bytes) {
    if (!socket_.WriteAll(state_, bytes)) return false;
    return true;
  }

  bool SendBulk(std::uint64_t bytes) {
    if (!Send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n")) {
      return false;
    }
    for (std::uint64_t at = 0; at < bytes;) {
      const std::string_view piece =
          BulkAt(at, static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, kMaxBulkPiece)));
      if (!Send(piece)) return false;
      at += piece.size();
      state_.bytes_sent += piece.size();
    }
    return true;
  }

  bool Hold() {
    if (!Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n" +
              std::string(kHeldPiece) + "\r\n")) {
      return false;
    }
    while (!state_.released && !state_.stopping) socket_.Wait(false, false);
    return Send("0\r\n\r\n");
  }

  bool Stick() {
    in_ = std::string();
    while (!state_.stopping && !socket_.HungUp()) {
    }
    return false;
  }

  // `size` bytes of the body.
  bool Take(BulkReader& reader, std::uint64_t size) {
    while (size > 0) {
      if (in_.empty() && !socket_.ReadMore(state_, in_)) return false;
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(size, in_.size()));
      reader.Add(std::string_view(in_).substr(0, take));
      in_.erase(0, take);
      size -= take;
    }
    return true;
  }

  bool TakeChunks(BulkReader& reader) {
    for (;;) {
      std::size_t line = in_.find("\r\n");
      while (line == std::string::npos) {
        if (!socket_.ReadMore(state_, in_)) return false;
        line = in_.find("\r\n");
      }
      std::uint64_t size = 0;
      std::from_chars(in_.data(), in_.data() + line, size, 16);
      in_.erase(0, line + 2);
      BulkReader end_of_line;
      if (!Take(reader, size) || !Take(end_of_line, 2)) return false;
      if (size == 0) return true;
    }
  }

  bool TakeUpload(const SeenRequest& request) {
    const SeenFraming framing = FramingOf(request);
    BulkReader reader;
    if (!(framing.chunked ? TakeChunks(reader) : Take(reader, framing.length))) return false;
    const std::string receipt = BulkReceipt(reader);
    return Send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(receipt.size()) +
                "\r\n\r\n" + receipt);
  }

  BulkState& state_;
  const BulkSocket& socket_;
  std::string in_;
};

}  // namespace

void ServeBulkHttp1(BulkState& state, const BulkSocket& socket) {
  Http1 connection(state, socket);
  while (connection.ServeOne()) {
  }
}

}  // namespace spillway
