#include "server/wire_multiplex_encode.h"

#include <utility>

#include "server/slices.h"

namespace spillway {
namespace {

constexpr std::uint32_t kResults = 1;   // of MultiplexResponse
constexpr std::uint32_t kId = 1;        // of Result
constexpr std::uint32_t kResponse = 2;  // of Result
constexpr std::uint32_t kError = 3;     // of Result

// Memory that a message keeps for its next use.
constexpr std::size_t kKeptBytes = 64 * 1024;

// The tag and length of the entry, its id, and the tag and length of its outcome.
template <typename Out>
void PutOpening(Out& out, std::uint64_t id, std::uint32_t outcome, std::uint64_t outcome_bytes) {
  SizeOut inner;
  PutNumber(inner, kId, id);
  PutLengthPrefix(inner, outcome, outcome_bytes);
  PutLengthPrefix(out, kResults, inner.size() + outcome_bytes);
  PutNumber(out, kId, id);
  PutLengthPrefix(out, outcome, outcome_bytes);
}

// `text` becomes the `size` bytes that `describe(sink)` puts.
template <typename Describe>
void Fill(std::string& text, std::size_t size, const Describe& describe) {
  text.resize(size);
  ByteOut out(reinterpret_cast<std::uint8_t*>(text.data()));
  describe(out);
  SPILLWAY_CHECK(out.at() == reinterpret_cast<const std::uint8_t*>(text.data()) + size);
}

}  // namespace

void EncodedResult::Reset() {
  before_.clear();
  body_.clear();
  body_bytes_ = 0;
  after_.clear();
}

void EncodedResult::SetResponse(std::uint64_t id, const WireResponse& response) {
  Reset();
  SizeOut before;
  PutBeforeBody(before, response);
  SizeOut after;
  PutAfterBody(after, response);
  const std::uint64_t body = response.body->size();
  const std::uint64_t all = before.size() + body + after.size();
  SizeOut opening;
  PutOpening(opening, id, kResponse, all);
  if (all <= kFlatResponseBytes) {
    return Fill(before_, opening.size() + all, [&](ByteOut& out) {
      PutOpening(out, id, kResponse, all);
      PutBeforeBody(out, response);
      for (const Chunk& chunk : response.body->chunks()) out.Raw(chunk.bytes);
      PutAfterBody(out, response);
    });
  }
  Fill(before_, opening.size() + before.size(), [&](ByteOut& out) {
    PutOpening(out, id, kResponse, all);
    PutBeforeBody(out, response);
  });
  for (const Chunk& chunk : response.body->chunks()) body_.push_back(AdoptedSlice(chunk));
  body_bytes_ = body;
  Fill(after_, after.size(), [&](ByteOut& out) { PutAfterBody(out, response); });
}

void EncodedResult::SetError(std::uint64_t id, const grpc::Status& status) {
  Reset();
  // The details are a google.rpc.Status already: what grpc-status-details-bin holds on RoundTrip.
  const std::string details = status.error_details();
  SizeOut opening;
  PutOpening(opening, id, kError, details.size());
  Fill(before_, opening.size() + details.size(), [&](ByteOut& out) {
    PutOpening(out, id, kError, details.size());
    out.Raw(details);
  });
}

void ResultMessage::Add(EncodedResult& result) {
  flat_ += result.before_;
  if (result.body_.empty()) return;
  KeepFlat();
  for (grpc::Slice& slice : result.body_) slices_.push_back(std::move(slice));
  flat_ += result.after_;
}

void ResultMessage::KeepFlat() {
  if (!flat_.empty()) slices_.emplace_back(flat_.data(), flat_.size());
  flat_.clear();
}

grpc::ByteBuffer ResultMessage::Take() {
  KeepFlat();
  grpc::ByteBuffer message(slices_.data(), slices_.size());
  slices_.clear();
  if (flat_.capacity() > kKeptBytes) flat_ = {};
  return message;
}

}  // namespace spillway
