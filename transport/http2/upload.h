// A request body on its way into DATA frames.
//
// What it is: pulls a BodySource one piece ahead, so that the last DATA frame is known to be the
// last and carries END_STREAM itself (H15).
// What it owns: at most two pieces of the body.
// Thread safety: none; on the connection's loop.
// Invariants: a body of another length than its source declared never looks complete: what would
// complete it is held back until the source has said that it is over (F5, C-018).

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "transport/base/body_source.h"
#include "transport/base/bytes.h"
#include "transport/base/failure.h"
#include "transport/base/header_list.h"

namespace spillway {

class Http2Upload {
 public:
  enum class State : std::uint8_t {
    kReady,    // front() can be sent now; or is empty and last(): only the end is left
    kPending,  // the source has nothing now and will call
    kFailed,   // failure() says why
  };

  // `wake` makes what the source calls when it has more.
  Http2Upload(std::shared_ptr<BodySource> body, std::function<std::function<void()>()> wake);

  State Prepare();
  std::string_view front() const { return front_.bytes; }
  // Nothing follows front().
  bool last() const { return ended_ && next_.bytes.empty(); }
  // Once last(): what is sent behind it; null or empty: nothing.
  const HeaderList* trailers() const { return body_->trailers(); }
  // `bytes` of front() were sent.
  void Take(std::size_t bytes) { front_.bytes.remove_prefix(bytes); }
  // The source called.
  void OnWoken() { waiting_ = false; }
  const Failure& failure() const { return failure_; }

 private:
  State Pull(Chunk& into);
  State Fail(Failure failure);

  std::shared_ptr<BodySource> body_;
  std::function<std::function<void()>()> wake_;
  std::optional<std::uint64_t> left_;  // of the declared length
  Chunk front_;
  Chunk next_;
  bool ended_ = false;
  bool waiting_ = false;  // the source holds our callback
  bool failed_ = false;
  Failure failure_;
};

}  // namespace spillway
