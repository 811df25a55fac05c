// ByteStream over a connected non-blocking socket.
//
// What it is: recv and sendmsg with their errors made into statuses and failures.
// What it owns: nothing; the descriptor belongs to the connection or dial and outlives the stream.
// Thread safety: none; as ByteStream.
// Invariants: no call blocks and none raises SIGPIPE, also when the descriptor is a blocking one.

#pragma once

#include <cstddef>
#include <span>

#include "transport/base/failure.h"
#include "transport/io/byte_stream.h"

namespace spillway {

// What a socket's errno means once a connection stands. Source::kOrigin; message names the errno.
Failure SocketFailure(int error);

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(int descriptor) : descriptor_(descriptor) {}

  Io Read(std::span<char> into) override;  // `into` is not empty
  // At least one byte in `parts`; one system call, so at most the first 64 parts.
  Io Write(std::span<const iovec> parts) override;
  bool Quiet() override;
  void Shutdown() override;  // FIN
  Failure failure() const override { return SocketFailure(last_error_); }

 private:
  const int descriptor_;
  bool ended_ = false;
  int read_error_ = 0;
  int write_error_ = 0;
  int last_error_ = 0;
};

}  // namespace spillway
