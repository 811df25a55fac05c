#include "tests/transport/client/encode.h"

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdint>

#include "transport/base/check.h"

namespace spillway {

std::string Gzip(std::string_view text) {
  z_stream stream{};
  SPILLWAY_CHECK(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  SPILLWAY_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Brotli(std::string_view text) {
  std::string out(BrotliEncoderMaxCompressedSize(text.size()) + 16, '\0');
  std::size_t size = out.size();
  SPILLWAY_CHECK(BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, text.size(),
                                       reinterpret_cast<const std::uint8_t*>(text.data()), &size,
                                       reinterpret_cast<std::uint8_t*>(out.data())) == BROTLI_TRUE);
  out.resize(size);
  return out;
}

std::string Zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3);
  SPILLWAY_CHECK(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

std::string Encode(Coding coding, std::string_view text) {
  switch (coding) {
    case Coding::kGzip:
      return Gzip(text);
    case Coding::kBrotli:
      return Brotli(text);
    case Coding::kZstd:
      return Zstd(text);
  }
  return {};
}

}  // namespace spillway
