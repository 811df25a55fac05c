// Puts one request on a socket without ever blocking.
//
// What it is: the head, then the body as its source yields it, plain or in chunks. A body in memory
// goes out with the head in one gathered send (V17).
// What it owns: the head's bytes and the piece of the body that is on its way.
// Thread safety: none; whoever holds the connection's mutex or its loop calls it.
// Invariants: bytes are sent in order, each once; sent() counts what the kernel accepted.

#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/base/body_source.h"

namespace spillway {

enum class WriteStatus : std::uint8_t {
  kDone,         // everything was accepted
  kBlocked,      // the socket takes no more now
  kPending,      // the body has nothing yet; `ready` will be called
  kSourceError,  // the body's source failed (F7)
  kSocketError,  // error() says which
};

class RequestWriter {
 public:
  RequestWriter(std::string head, std::shared_ptr<BodySource> body, bool chunked);

  // Sends until one of the above. `ready` is passed on to the source.
  WriteStatus Write(int descriptor, const std::function<void()>& ready);

  std::uint64_t sent() const { return sent_; }
  bool done() const { return done_; }
  int error() const { return error_; }
  // Frees the memory of what was sent already.
  void Release();

 private:
  bool FillFromSource(WriteStatus& status, const std::function<void()>& ready);
  void Queue(Chunk chunk);
  bool Flush(int descriptor, WriteStatus& status);
  void Consume(std::size_t bytes);

  std::string head_;
  std::shared_ptr<BodySource> body_;
  const bool chunked_;
  bool source_ended_ = false;
  bool done_ = false;
  int error_ = 0;
  std::uint64_t sent_ = 0;
  std::vector<Chunk> queue_;      // not yet accepted
  std::size_t queue_front_ = 0;   // first of them
  std::size_t front_offset_ = 0;  // sent bytes of it
};

}  // namespace spillway
