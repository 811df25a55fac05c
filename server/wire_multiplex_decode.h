// Reads spillway.v1.MultiplexRequest call by call, without copying bodies.
//
// What it is: a cursor over one message, so that a message of any number of calls needs memory for
// one at a time. It accepts what the generated parser accepts and reads it the same way
// (server/wire_decode.h); what is wrong with a message shows when the cursor gets there. Calls and
// cancels come in the order in which they were written, which for generated code is calls first.
// What it owns: a share of the message.
// Thread safety: used by one thread at a time; the bodies taken out may go anywhere.
// Invariants: after kEnd or kBroken, Next is not called again.

#pragma once

#include <cstdint>

#include "server/wire_decode.h"
#include "server/wire_reader.h"

namespace spillway {

// spillway.v1.Call as sent; request.message_bytes is the whole Call's.
struct WireCall {
  std::uint64_t id = 0;
  WireRequest request;
};

class MultiplexReader {
 public:
  enum class Item : std::uint8_t { kCall, kCancel, kEnd, kBroken };

  // `message` may be dropped afterwards.
  explicit MultiplexReader(const grpc::ByteBuffer& message) : in_(message) {}

  // Length of the whole message.
  std::uint64_t size() const { return in_.size(); }

  // The next item; of a cancel only `call.id` is set. `call` must be empty.
  Item Next(WireCall& call);

 private:
  bool ReadCall(WireCall& call);

  WireReader in_;
  bool in_cancels_ = false;  // within packed cancels
  std::uint64_t outer_limit_ = 0;
};

}  // namespace spillway
