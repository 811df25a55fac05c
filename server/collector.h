// Collects a streamed response into whole pieces, for calls that answer with one message.
//
// What it is: a ResponseSink without an end; whoever derives from it adds OnEnd. Small chunks are
// copied together, so that a body sent in many of them does not pin a receive buffer each; large
// ones are kept as they are.
// What it owns: the response so far.
// Thread safety: as ResponseSink: calls never overlap.
// Invariants: the body holds every byte of OnData in order; its size is bounded by the request's
// max_response_bytes (the transport sees to that) and by what Admission lets it grow to.

#pragma once

#include <string>
#include <vector>

#include "server/status_map.h"
#include "server/wire_encode.h"
#include "transport/response_sink.h"

namespace spillway {

class Admission;

class Collector : public ResponseSink {
 public:
  // A chunk of at least this size is kept; a smaller one is copied.
  static constexpr std::size_t kKeptChunkBytes = 4 * 1024;
  // Copied chunks are gathered up to this size.
  static constexpr std::size_t kGatheredBytes = 64 * 1024;
  // Informational responses that are kept when they are wanted.
  static constexpr std::size_t kMaxInformational = 16;

  void OnInformational(ResponseHead head) override;
  void OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) override;
  Flow OnData(const Chunk& chunk) override;
  void OnTrailers(HeaderList trailers) override;

 protected:
  // `admission` must outlive this; `held_bytes` it has been told of already.
  Collector(Admission& admission, std::uint64_t held_bytes)
      : admission_(admission), held_bytes_(held_bytes) {}

  // The body had to be given up because messages in flight use up the memory for them. Called from
  // OnData, at most once; no more of the body is kept.
  virtual void OnMemoryExhausted() = 0;

  void WantInformational() { want_informational_ = true; }
  const ResponseHead& head() const { return head_; }
  const HeaderList& trailers() const { return trailers_; }
  const std::vector<ResponseHead>& informational() const { return informational_; }
  // The whole body. Its last chunk may refer to memory of this collector.
  Body TakeBody();
  // The response as it goes on the wire. `body` is what TakeBody gave; both and this must outlive
  // what is returned.
  WireResponse Describe(const Body& body, const RoundTripRecord& record,
                        ExchangeDetail detail) const;
  std::uint64_t held_bytes() const { return held_bytes_; }
  bool exhausted() const { return exhausted_; }

 private:
  void KeepGathered();

  Admission& admission_;
  std::uint64_t held_bytes_;
  bool want_informational_ = false;
  bool exhausted_ = false;
  ResponseHead head_;
  HeaderList trailers_;
  std::vector<ResponseHead> informational_;
  Body body_;
  std::string gathered_;  // what comes after body_
};

}  // namespace spillway
