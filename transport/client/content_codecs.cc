#include "transport/client/content_codecs.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <limits>

#include "transport/base/check.h"

namespace spillway {
namespace {

constexpr int kGzipOnly = 15 + 16;  // the largest window; no raw or zlib streams
constexpr int kMaxZstdWindowLog = 23;

const std::uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

class GzipCodec final : public Codec {
 public:
  GzipCodec() { SPILLWAY_CHECK(inflateInit2(&stream_, kGzipOnly) == Z_OK); }
  ~GzipCodec() override { inflateEnd(&stream_); }
  GzipCodec(const GzipCodec&) = delete;
  GzipCodec& operator=(const GzipCodec&) = delete;

  Progress Step(std::string_view& input, std::vector<char>& room, std::size_t& written) override {
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    const std::string_view now = input.substr(0, kMost);
    // zlib does not write to its input.
    stream_.next_in = const_cast<Bytef*>(Bytes(now));
    stream_.avail_in = static_cast<uInt>(now.size());
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(room.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    input.remove_prefix(now.size() - stream_.avail_in);
    written = room.size() - stream_.avail_out;
    if (result == Z_STREAM_END) return Progress::kEnd;
    // Z_BUF_ERROR: no bytes left to take or no room left; neither is a fault.
    return result == Z_OK || result == Z_BUF_ERROR ? Progress::kGoing : Progress::kBroken;
  }

  // RFC 1952 2.2: members follow each other.
  bool Restart() override { return inflateReset(&stream_) == Z_OK; }

 private:
  z_stream stream_{};
};

class BrotliCodec final : public Codec {
 public:
  BrotliCodec() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
    SPILLWAY_CHECK(state_ != nullptr);
  }
  ~BrotliCodec() override { BrotliDecoderDestroyInstance(state_); }
  BrotliCodec(const BrotliCodec&) = delete;
  BrotliCodec& operator=(const BrotliCodec&) = delete;

  Progress Step(std::string_view& input, std::vector<char>& room, std::size_t& written) override {
    const std::uint8_t* next_in = Bytes(input);
    std::size_t avail_in = input.size();
    auto* next_out = reinterpret_cast<std::uint8_t*>(room.data());
    std::size_t avail_out = room.size();
    const BrotliDecoderResult result =
        BrotliDecoderDecompressStream(state_, &avail_in, &next_in, &avail_out, &next_out, nullptr);
    input.remove_prefix(input.size() - avail_in);
    written = room.size() - avail_out;
    if (result == BROTLI_DECODER_RESULT_SUCCESS) return Progress::kEnd;
    return result == BROTLI_DECODER_RESULT_ERROR ? Progress::kBroken : Progress::kGoing;
  }

  bool Restart() override { return false; }

 private:
  BrotliDecoderState* const state_;
};

class ZstdCodec final : public Codec {
 public:
  ZstdCodec() : context_(ZSTD_createDCtx()) {
    SPILLWAY_CHECK(context_ != nullptr);
    const std::size_t result =
        ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kMaxZstdWindowLog);
    SPILLWAY_CHECK(ZSTD_isError(result) == 0);
  }
  ~ZstdCodec() override { ZSTD_freeDCtx(context_); }
  ZstdCodec(const ZstdCodec&) = delete;
  ZstdCodec& operator=(const ZstdCodec&) = delete;

  Progress Step(std::string_view& input, std::vector<char>& room, std::size_t& written) override {
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    const std::size_t result = ZSTD_decompressStream(context_, &out, &in);
    input.remove_prefix(in.pos);
    written = out.pos;
    if (ZSTD_isError(result) != 0) return Progress::kBroken;
    return result == 0 ? Progress::kEnd : Progress::kGoing;
  }

  // RFC 8878 3.1: so do frames; the context begins the next one by itself.
  bool Restart() override { return true; }

 private:
  ZSTD_DCtx* const context_;
};

}  // namespace

std::unique_ptr<Codec> MakeCodec(Coding coding) {
  switch (coding) {
    case Coding::kGzip:
      return std::make_unique<GzipCodec>();
    case Coding::kBrotli:
      return std::make_unique<BrotliCodec>();
    case Coding::kZstd:
      return std::make_unique<ZstdCodec>();
  }
  return nullptr;
}

}  // namespace spillway
