// Undoes a content coding as its bytes arrive: gzip, brotli and zstd, one at a time.
//
// What it is: a pull machine: bytes go in, decoded ones come out in pieces of a bounded size, and
// it can rest between any two of them. Which codings are asked for and which answer is decoded are
// the functions below (Z1 to Z3). What it owns: the state of its library, and one buffer. Thread
// safety: none of its own. Invariants: never more than kFreeBytes + max_expansion * (bytes taken)
// come out (O-124); a stream that is broken, cut or followed by anything else than another of its
// kind fails (O-126, O-127); every call of Next either takes bytes, gives bytes or says that it
// needs more.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/header_list.h"
#include "transport/base/options.h"

namespace spillway {

enum class Coding : std::uint8_t { kGzip, kBrotli, kZstd };

// What is offered to an origin. gzip always is.
struct OfferedCodings {
  bool brotli = false;
  bool zstd = false;

  std::string AcceptEncoding() const;  // "gzip", "gzip, br, zstd"
};

// Z1, Z3: not for HEAD, not beside a Range, and not when the caller asks for codings itself.
bool MayOffer(std::string_view method, const HeaderList& request_headers);

// The coding to undo; nothing when there is none, one that was not offered, or several (O-125): the
// body is then delivered as it is.
std::optional<Coding> CodingOf(const HeaderList& response_headers, OfferedCodings offered);

// What is left of the headers when the coding is gone: all but Content-Encoding and Content-Length.
HeaderList WithoutCoding(const HeaderList& response_headers);

// The library behind a coding.
class Codec {
 public:
  enum class Progress : std::uint8_t { kGoing, kEnd, kBroken };

  virtual ~Codec() = default;
  // Takes bytes off the front of `input` and writes to the front of `room`.
  virtual Progress Step(std::string_view& input, std::vector<char>& room, std::size_t& written) = 0;
  // After kEnd, when more bytes follow. False: nothing may.
  virtual bool Restart() = 0;
};

class ContentDecoder {
 public:
  // Decoded bytes that are allowed besides max_expansion for each one received.
  static constexpr std::uint64_t kFreeBytes = std::uint64_t{64} * 1024;
  static constexpr std::size_t kPieceBytes = std::size_t{32} * 1024;

  enum class Status : std::uint8_t {
    kOutput,     // `output` has at least one byte; there may be more
    kNeedInput,  // all of `input` is taken
    kFailed,     // why() says what is wrong
  };

  ContentDecoder(Coding coding, std::uint64_t max_expansion);

  // Takes from the front of `input`. `output` is valid until the next call. After kFailed: no call.
  Status Next(std::string_view& input, std::string_view& output);

  // Whether the body may end here: nothing came at all, or the stream is at its end.
  bool complete() const { return place_ != Place::kInside; }
  std::string_view why() const { return why_; }

 private:
  enum class Place : std::uint8_t { kStart, kInside, kEnd };

  Status Fail(std::string_view why);
  bool TooLarge() const;

  std::unique_ptr<Codec> codec_;
  const std::uint64_t max_expansion_;
  std::vector<char> room_;
  Place place_ = Place::kStart;
  bool more_inside_ = false;  // the last piece was full: the library may hold back some
  std::uint64_t taken_ = 0;
  std::uint64_t given_ = 0;
  std::string_view why_;
};

}  // namespace spillway
