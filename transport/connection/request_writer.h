// Puts one request on a stream without ever blocking.
//
// What it is: the head, then the body as its source yields it: plain, in chunks, or raw into a
// tunnel. A body in memory goes out with the head in one gathered send (V17). The body can be held
// back until the origin asks for it.
// What it owns: the head's bytes and the pieces of the body that are on their way: 64 KiB of them,
// and the piece that crossed that.
// Thread safety: none; whoever holds the connection's mutex or its loop calls it.
// Invariants: bytes are sent in order, each once; sent() counts what the stream accepted. A body of
// another length than its source declared never looks complete: its last piece is held back until
// the source has said that it is the last (F5, C-018).

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/base/body_source.h"
#include "transport/base/failure.h"
#include "transport/io/byte_stream.h"

namespace spillway {

enum class WriteStatus : std::uint8_t {
  kDone,         // everything was accepted
  kBlocked,      // the socket takes no more now
  kBlockedRead,  // TLS must read before it can write on
  kPending,      // the body has nothing yet; `ready` will be called
  kHeld,         // the head is out; the body waits for ReleaseBody
  kSourceError,  // the body's source failed or broke its word; source_failure() says how (F5, F7)
  kStreamError,  // the stream failed
};

enum class BodyCoding : std::uint8_t {
  kPlain,    // of its declared length
  kChunked,  // with trailers, if its source has some
  kRaw,      // whatever comes, until the source ends
};
enum class BodyStart : std::uint8_t { kAtOnce, kHeld };

class RequestWriter {
 public:
  RequestWriter(std::string head, std::shared_ptr<BodySource> body, BodyCoding coding,
                BodyStart start);

  // Sends until one of the above. `ready` is passed on to the source.
  WriteStatus Write(ByteStream& stream, const std::function<void()>& ready);

  // The next Write goes on with the body.
  void ReleaseBody() { held_back_ = false; }
  // A body that was held is not sent at all: the request is complete without.
  void DropBody();
  bool held_back() const { return held_back_; }

  std::uint64_t sent() const { return sent_; }
  bool done() const { return done_; }
  const Failure& source_failure() const { return source_failure_; }
  // Frees the memory of what was sent already.
  void Release();

 private:
  WriteStatus Gather(const std::function<void()>& ready);
  WriteStatus TakePiece(Chunk chunk);
  WriteStatus EndOfBody();
  void Queue(Chunk chunk);
  bool Flush(ByteStream& stream, WriteStatus& status);
  void Consume(std::size_t bytes);

  std::string head_;
  std::shared_ptr<BodySource> body_;
  const BodyCoding coding_;
  bool held_back_;
  std::uint64_t body_left_ = 0;  // of the declared length; of plain bodies
  Chunk held_;                   // the piece that would complete the body
  Failure source_failure_;
  bool source_ended_ = false;
  bool done_ = false;
  std::uint64_t sent_ = 0;
  std::vector<Chunk> queue_;      // not yet accepted
  std::size_t queue_front_ = 0;   // first of them
  std::size_t front_offset_ = 0;  // sent bytes of it
};

}  // namespace spillway
