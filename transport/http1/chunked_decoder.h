// The chunks of a chunked body, up to the last one; the trailer section is the caller's.
//
// What it owns: the bytes of an incomplete chunk line; body bytes pass through as views.
// Thread safety: none.
// Invariants: never gives out more bytes than chunks declared; memory is bounded by
// max_chunk_line_bytes; any segmentation of the same bytes gives the same body and the same end.

#pragma once

#include <cstdint>
#include <string_view>

#include "transport/base/options.h"
#include "transport/http1/line_reader.h"

namespace spillway {

class ChunkedDecoder {
 public:
  enum class Status : std::uint8_t {
    kMore,    // all input consumed
    kData,    // data() holds body bytes, a view into the input of this call
    kLast,    // the line of the last chunk was consumed; the trailer section follows
    kFailed,  // fault() says why
  };

  explicit ChunkedDecoder(const ResponseLimits& limits);

  void Reset();

  // Consumes bytes from the front of `input`. Not called again after kLast or kFailed.
  Status Next(std::string_view& input);

  std::string_view data() const { return data_; }
  std::string_view fault() const { return fault_; }  // a constant

 private:
  enum class State : std::uint8_t { kSizeLine, kData, kDataCr, kDataLf };

  // Reads one chunk line; false after a fault.
  bool TakeSize(std::string_view line);
  bool Charge(std::size_t line_bytes);
  bool Fail(std::string_view why);

  const std::size_t max_line_bytes_;
  const std::size_t max_overhead_bytes_;
  LineReader lines_;
  State state_ = State::kSizeLine;
  std::uint64_t left_ = 0;      // bytes of this chunk still to come
  std::uint64_t overhead_ = 0;  // framing bytes beyond what the data excuses (O-056)
  std::string_view data_;
  std::string_view fault_;
};

}  // namespace spillway
