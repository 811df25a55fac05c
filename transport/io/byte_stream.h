// Bytes to and from a peer without ever blocking: a socket, or TLS over another stream.
//
// What it is: the seam between protocols and transports. A stream is asked to do what it can now
// and says what it waits for; whoever owns the socket waits for that and asks again. TLS inside TLS
// is a TlsStream over a TlsStream.
// What it owns: its own state and the stream below it; never the descriptor, which belongs to the
// connection or dial.
// Thread safety: none; callers serialize (an HTTP/1 connection by its mutex, others by their loop).
// Invariants: after kEnd, kTruncated or kError every further call of that direction says the same.

#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "transport/base/failure.h"

namespace spillway {

class ByteStream {
 public:
  enum class Status : std::uint8_t {
    kOk,         // `bytes` of them went through, at least one
    kWantRead,   // nothing now; ask again when the socket is readable
    kWantWrite,  // nothing now; ask again when the socket is writable
    kEnd,        // the peer ended the stream in order (FIN; in TLS: close_notify)
    kTruncated,  // TLS only: FIN without close_notify, what came before may be cut short (O-231)
    kError,      // failure() says why
  };
  struct Io {
    Status status = Status::kWantRead;
    std::size_t bytes = 0;
  };

  virtual ~ByteStream() = default;

  // At most into.size() bytes.
  virtual Io Read(std::span<char> into) = 0;
  // A prefix of `parts`; small parts may be joined into one record. A write that wanted something
  // is repeated with the same bytes first.
  virtual Io Write(std::span<const iovec> parts) = 0;
  // Nothing has arrived that nobody read: no bytes, no end, no error. Asked before a request is put
  // on an idle connection; never consumes application bytes.
  virtual bool Quiet() = 0;
  // Read may give more though the socket is not readable: decrypted or buffered already.
  virtual bool holds_bytes() const { return false; }
  // Best effort at an orderly end of what we send; never waits.
  virtual void Shutdown() {}
  // After kError. Source, reason and message; phase and delivery are for whoever knows them.
  virtual Failure failure() const = 0;
};

}  // namespace spillway
