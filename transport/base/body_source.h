// A request body as the transport pulls it.
//
// What it is: a pull source; the length may be unknown, and it may or may not be replayable. Bodies
// in memory (BufferedBody) are both known and replayable.
// Thread safety: used by one attempt at a time, on that attempt's thread, which may hold its
// connection's mutex while it calls. Order of locks: the connection's, then the source's own, and
// nothing behind that: a source calls nobody who might wait, or who might call the connection, but
// leaves such work to Transport::Post. `ready` may be called with no lock held, only.
// Invariants: after kEnd or kError, Read is not called again before Rewind. What Read hands out is
// not sent at once: several pieces wait, and more are read meanwhile. So bytes with an owner stay
// valid for as long as that lives, and bytes without one for as long as the source does.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "transport/base/bytes.h"
#include "transport/base/failure.h"
#include "transport/base/header_list.h"

namespace spillway {

class BodySource {
 public:
  enum class Status : std::uint8_t {
    kData,     // `chunk` holds the next bytes
    kEnd,      // the body is complete
    kPending,  // nothing yet; `ready` will be called once, on any thread
    kError,    // the source failed; failure() says why (F7: this error beats network errors)
  };

  virtual ~BodySource() = default;

  // Total bytes, when known.
  virtual std::optional<std::uint64_t> length() const = 0;
  virtual bool replayable() const = 0;
  // What follows the body; asked for after kEnd, and valid until Rewind. Only a body of unknown
  // length may have trailers: HTTP/1.1 has no place for them behind any other (F8).
  virtual const HeaderList* trailers() const { return nullptr; }
  // All of it when it is in memory: the transport then sends head and body in one write.
  virtual const Body* buffered() const { return nullptr; }
  // Next piece. `ready` is kept only when the answer is kPending.
  virtual Status Read(Chunk& chunk, std::function<void()> ready) = 0;
  // Back to the start for another attempt. False when not possible.
  virtual bool Rewind() = 0;
  virtual Failure failure() const = 0;
};

}  // namespace spillway
