#include "server/collector.h"

#include <algorithm>
#include <utility>

#include "server/admission.h"
#include "server/call_context.h"

namespace spillway {

void Collector::OnInformational(ResponseHead head) {
  if (want_informational_ && informational_.size() < kMaxInformational) {
    informational_.push_back(std::move(head));
  }
}

void Collector::OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) {
  head_ = std::move(head);
  if (kind == BodyKind::kLength && length <= kGatheredBytes) {
    gathered_.reserve(static_cast<std::size_t>(length));
  }
}

Flow Collector::OnData(const Chunk& chunk) {
  if (exhausted_) return Flow::kContinue;
  if (!admission_.Grow(chunk.bytes.size())) {
    exhausted_ = true;
    OnMemoryExhausted();
    return Flow::kContinue;
  }
  held_bytes_ += chunk.bytes.size();
  if (chunk.owner != nullptr && chunk.bytes.size() >= kKeptChunkBytes) {
    KeepGathered();
    body_.Append(chunk);
    return Flow::kContinue;
  }
  if (gathered_.size() + chunk.bytes.size() > kGatheredBytes) KeepGathered();
  gathered_.append(chunk.bytes);
  return Flow::kContinue;
}

void Collector::OnTrailers(HeaderList trailers) { trailers_ = std::move(trailers); }

void Collector::KeepGathered() {
  if (gathered_.empty()) return;
  body_.Append(Chunk::Own(std::move(gathered_)));
  gathered_.clear();
}

Body Collector::TakeBody() {
  // A short rest is copied into the message anyway and needs no owner of its own.
  if (gathered_.size() <= kFlatResponseBytes) {
    body_.Append(Chunk{gathered_, nullptr});
  } else {
    KeepGathered();
  }
  return std::move(body_);
}

WireResponse Collector::Describe(const Body& body, const RoundTripRecord& record,
                                 ExchangeDetail detail) const {
  WireResponse wire;
  wire.head = &head_;
  wire.body = &body;
  wire.trailers = &trailers_;
  wire.informational = &informational_;
  wire.protocol = ProtocolOf(head_, record);
  if (detail != ExchangeDetail::kNone) wire.record = &record;
  wire.parts = PartsOf(detail);
  return wire;
}

}  // namespace spillway
