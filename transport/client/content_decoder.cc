#include "transport/client/content_decoder.h"

#include <utility>

#include "transport/base/ascii.h"
#include "transport/client/content_codecs.h"

namespace spillway {

std::string OfferedCodings::AcceptEncoding() const {
  std::string text = "gzip";
  if (brotli) text += ", br";
  if (zstd) text += ", zstd";
  return text;
}

bool MayOffer(std::string_view method, const HeaderList& request_headers) {
  return method != "HEAD" && method != "CONNECT" && !request_headers.Has("Accept-Encoding") &&
         !request_headers.Has("Range") && !request_headers.Has("Upgrade");
}

std::optional<Coding> CodingOf(const HeaderList& response_headers, OfferedCodings offered) {
  std::string_view only;
  for (const HeaderField& field : response_headers) {
    if (!EqualsIgnoreCase(field.name, "content-encoding")) continue;
    // A list, or a second field, is a chain of codings that nobody asked for.
    if (!only.empty() || field.value.find(',') != std::string::npos) return std::nullopt;
    only = TrimBlanks(field.value);
  }
  if (EqualsIgnoreCase(only, "gzip") || EqualsIgnoreCase(only, "x-gzip")) return Coding::kGzip;
  if (offered.brotli && EqualsIgnoreCase(only, "br")) return Coding::kBrotli;
  if (offered.zstd && EqualsIgnoreCase(only, "zstd")) return Coding::kZstd;
  return std::nullopt;
}

HeaderList WithoutCoding(const HeaderList& response_headers) {
  HeaderList rest;
  for (const HeaderField& field : response_headers) {
    if (EqualsIgnoreCase(field.name, "content-encoding")) continue;
    if (EqualsIgnoreCase(field.name, "content-length")) continue;
    rest.Add(field);
  }
  return rest;
}

ContentDecoder::ContentDecoder(Coding coding, std::uint64_t max_expansion)
    : codec_(MakeCodec(coding)), max_expansion_(max_expansion), room_(kPieceBytes) {}

ContentDecoder::Status ContentDecoder::Next(std::string_view& input, std::string_view& output) {
  while (!input.empty() || more_inside_) {
    if (place_ == Place::kEnd && !codec_->Restart()) {
      return Fail("has bytes behind its end");
    }
    place_ = Place::kInside;
    const std::size_t before = input.size();
    std::size_t written = 0;
    const Codec::Progress progress = codec_->Step(input, room_, written);
    const std::size_t taken = before - input.size();
    taken_ += taken;
    given_ += written;
    if (TooLarge()) return Fail("expands further than policy allows");
    more_inside_ = written == room_.size();
    if (progress == Codec::Progress::kEnd) {
      place_ = Place::kEnd;
      more_inside_ = false;
    }
    if (progress == Codec::Progress::kBroken) {
      return Fail(given_ == written ? "is not what its coding says" : "is broken");
    }
    if (written > 0) {
      output = {room_.data(), written};
      return Status::kOutput;
    }
    if (taken == 0 && written == 0 && !input.empty()) return Fail("is broken");
  }
  return Status::kNeedInput;
}

bool ContentDecoder::TooLarge() const {
  return given_ > kFreeBytes && (given_ - kFreeBytes) / max_expansion_ > taken_;
}

ContentDecoder::Status ContentDecoder::Fail(std::string_view why) {
  why_ = why;
  return Status::kFailed;
}

}  // namespace spillway
