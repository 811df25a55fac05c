// ClientChain: the body whose content coding is undone.

#include <utility>

#include "transport/client/client_chain.h"

namespace spillway {
namespace {

Failure BodyFailure(Reason reason, std::string message) {
  return Failure{reason, Source::kOrigin, Phase::kBody, Delivery::kAnswered, std::move(message)};
}

}  // namespace

void ClientChain::StartDecoding(ResponseHead& head, BodyKind& kind, std::uint64_t& length) {
  const bool has_body = kind == BodyKind::kChunked || kind == BodyKind::kUntilClose ||
                        (kind == BodyKind::kLength && length > 0);
  const std::optional<Coding> coding = has_body ? CodingOf(head.headers, *offered_) : std::nullopt;
  if (!coding.has_value()) return;
  decoder_ = std::make_unique<ContentDecoder>(*coding, max_expansion_);
  head.headers = WithoutCoding(head.headers);
  // Of unknown length now, whatever framed it.
  if (kind == BodyKind::kLength) kind = BodyKind::kChunked;
  length = 0;
  if (progress_.has_value()) progress_->uncompressed = true;
  MutexLock lock(mu_);
  decoding_ = true;
}

// On the hop's thread.
Flow ClientChain::Decode(const Chunk& chunk) {
  {
    MutexLock lock(mu_);
    pumping_ = true;
    resumed_ = false;
  }
  const Flow flow = Pump(chunk);
  if (flow == Flow::kPause) return flow;
  std::optional<RoundTripRecord> ended;
  {
    MutexLock lock(mu_);
    pumping_ = false;
    ended = std::exchange(ended_, std::nullopt);
  }
  if (ended.has_value()) FinishDecoded(*std::move(ended));
  return flow;
}

// Until `chunk` is decoded and given, or the receiver wants no more of it just now.
Flow ClientChain::Pump(const Chunk& chunk) {
  std::string_view input = chunk.bytes;
  while (true) {
    std::string_view decoded;
    switch (decoder_->Next(input, decoded)) {
      case ContentDecoder::Status::kNeedInput:
        return Flow::kContinue;
      case ContentDecoder::Status::kFailed:
        EndFor(BodyFailure(Reason::kHttpResponseContentCoding,
                           std::string("the response's content coding ").append(decoder_->why())));
        return Flow::kAbort;
      case ContentDecoder::Status::kOutput:
        break;
    }
    const Flow flow = Give(decoded);
    if (flow == Flow::kAbort) return flow;
    if (flow == Flow::kContinue) continue;
    if (const std::optional<Flow> rest = Rest({input, chunk.owner})) return *rest;
  }
}

Flow ClientChain::Give(std::string_view decoded) {
  decoded_ += decoded.size();
  if (IsTooLarge(decoded_)) return RefuseBody();
  return sink_->OnData({decoded, nullptr});
}

std::optional<Flow> ClientChain::Rest(Chunk rest) {
  // Whoever handed it in without an owner may reuse it after the call.
  if (rest.owner == nullptr && !rest.bytes.empty()) rest = Chunk::Own(std::string(rest.bytes));
  MutexLock lock(mu_);
  if (std::exchange(resumed_, false)) return std::nullopt;
  // A failure does not wait for a receiver that may never resume.
  if (ended_.has_value() && ended_->failure.has_value()) return Flow::kAbort;
  kept_ = std::move(rest);
  paused_ = true;
  pumping_ = false;
  return Flow::kPause;
}

// On a loop of the transport's, while the hop itself is paused.
void ClientChain::PumpKept() {
  Chunk kept;
  {
    MutexLock lock(mu_);
    kept = std::exchange(kept_, {});
  }
  const Flow flow = Pump(kept);
  if (flow == Flow::kPause) return;
  std::shared_ptr<RoundTripHandle> handle;
  std::optional<RoundTripRecord> ended;
  {
    MutexLock lock(mu_);
    pumping_ = false;
    ended = std::exchange(ended_, std::nullopt);
    handle = handle_;
    if (handle == nullptr && flow == Flow::kContinue) resume_hop_ = true;
    if (handle == nullptr && flow == Flow::kAbort) given_up_ = true;
  }
  if (ended.has_value()) return FinishDecoded(*std::move(ended));
  if (handle == nullptr) return;
  if (flow == Flow::kAbort) return handle->Cancel();
  handle->Resume();
}

void ClientChain::OnDecodedEnd(RoundTripRecord record) {
  {
    MutexLock lock(mu_);
    // What ended well is told when all of it was given; what failed, as soon as nobody gives.
    if (pumping_ || (paused_ && !record.failure.has_value())) {
      ended_ = std::move(record);
      return;
    }
    paused_ = false;
    kept_ = {};
  }
  FinishDecoded(std::move(record));
}

void ClientChain::FinishDecoded(RoundTripRecord record) {
  record.uncompressed = true;
  record.response_body_bytes = decoded_;
  if (own_failure_.has_value()) {
    record.failure = own_failure_;
  } else if (!record.failure.has_value() && !decoder_->complete()) {
    record.failure = BodyFailure(Reason::kHttpResponseIncomplete,
                                 "the response ends in the middle of its content coding");
  }
  if (record.failure.has_value()) {
    record.failure->response_status = record.status;
  } else if (!trailers_.empty()) {
    sink_->OnTrailers(std::move(trailers_));
  }
  Finish(std::move(record));
}

}  // namespace spillway
