#include "transport/http1/chunked_decoder.h"

#include <algorithm>

#include "transport/base/ascii.h"
#include "transport/base/decimal.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxSizeDigits = 16;   // what 64 bits hold
constexpr std::size_t kMaxZeroPadding = 16;  // some origins print a fixed width (O-054)
// What each chunk may spend on framing before it counts as overhead: 16 bytes and twice its data.
constexpr std::uint64_t kFreeOverhead = 16;

// Reads the size off the front of `line`; false when there is none or it is too large.
bool TakeHexSize(std::string_view& line, std::uint64_t& size) {
  const auto* const end = std::find_if_not(line.begin(), line.end(), IsHexDigit);
  std::string_view digits = line.substr(0, static_cast<std::size_t>(end - line.begin()));
  line.remove_prefix(digits.size());
  if (digits.empty()) return false;
  const std::size_t zeros = std::min(digits.find_first_not_of('0'), digits.size());
  if (zeros > kMaxZeroPadding || digits.size() - zeros > kMaxSizeDigits) return false;
  digits.remove_prefix(zeros);
  size = 0;
  for (const char c : digits) size = size << 4 | HexValue(c);
  return size <= kMaxBodyLength;
}

void SkipBlanks(std::string_view& text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
}

bool SkipToken(std::string_view& text) {
  const std::size_t before = text.size();
  while (!text.empty() && IsTokenByte(text.front())) text.remove_prefix(1);
  return text.size() < before;
}

// RFC 9110 5.6.4; the opening quote is at the front. False when it does not close (O-057).
bool SkipQuotedString(std::string_view& text) {
  text.remove_prefix(1);
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return true;
    if (c == '\\') {
      if (text.empty() || !IsFieldByte(text.front())) return false;
      text.remove_prefix(1);
    } else if (!IsFieldByte(c)) {
      return false;
    }
  }
  return false;
}

// RFC 9112 7.1.1: *( ";" BWS name [ BWS "=" BWS value ] ) to the end of the line. A blank before
// the first ";" is refused with the size (O-052).
bool AreExtensions(std::string_view text) {
  while (!text.empty()) {
    if (text.front() != ';') return false;
    text.remove_prefix(1);
    SkipBlanks(text);
    if (!SkipToken(text)) return false;
    std::string_view after = text;
    SkipBlanks(after);
    if (after.empty() || after.front() != '=') {
      if (after.size() != text.size() && (after.empty() || after.front() != ';')) return false;
      text = after;
      continue;
    }
    after.remove_prefix(1);
    SkipBlanks(after);
    const bool quoted = !after.empty() && after.front() == '"';
    if (!(quoted ? SkipQuotedString(after) : SkipToken(after))) return false;
    text = after;
  }
  return true;
}

}  // namespace

ChunkedDecoder::ChunkedDecoder(const ResponseLimits& limits)
    : max_line_bytes_(limits.max_chunk_line_bytes),
      max_overhead_bytes_(limits.max_chunk_overhead_bytes) {}

void ChunkedDecoder::Reset() {
  lines_.Reset();
  state_ = State::kSizeLine;
  left_ = 0;
  overhead_ = 0;
  data_ = {};
  fault_ = {};
}

ChunkedDecoder::Status ChunkedDecoder::Next(std::string_view& input) {
  for (;;) {
    switch (state_) {
      case State::kSizeLine:
        switch (lines_.Take(input, max_line_bytes_)) {
          case LineReader::Status::kMore:
            return Status::kMore;
          case LineReader::Status::kTooLong:
            Fail("a chunk line is too long");
            return Status::kFailed;
          case LineReader::Status::kLine:
            if (!TakeSize(lines_.line())) return Status::kFailed;
            if (left_ == 0) return Status::kLast;
            state_ = State::kData;
            break;
        }
        break;
      case State::kData:
        if (input.empty()) return Status::kMore;
        data_ = input.substr(0, std::min<std::uint64_t>(left_, input.size()));
        input.remove_prefix(data_.size());
        left_ -= data_.size();
        if (left_ == 0) state_ = State::kDataCr;
        return Status::kData;
      case State::kDataCr:
      case State::kDataLf: {
        if (input.empty()) return Status::kMore;
        const bool is_cr = state_ == State::kDataCr;
        if (input.front() != (is_cr ? '\r' : '\n')) {
          Fail("chunk data is not followed by CRLF");
          return Status::kFailed;
        }
        input.remove_prefix(1);
        state_ = is_cr ? State::kDataLf : State::kSizeLine;
        break;
      }
    }
  }
}

bool ChunkedDecoder::TakeSize(std::string_view line) {
  const std::size_t line_bytes = line.size();
  if (!StripLineEnd(line)) return Fail("a chunk line ends in a bare LF");
  if (!TakeHexSize(line, left_)) return Fail("malformed chunk size");
  if (!AreExtensions(line)) return Fail("malformed chunk extension");
  return Charge(line_bytes);
}

// A chunk's own framing is its line and the CRLF after its data. Data pays for it, so that large
// chunks may carry any extension while a flood of tiny ones may not (O-056, O-067).
bool ChunkedDecoder::Charge(std::size_t line_bytes) {
  overhead_ += line_bytes + 2;
  const std::uint64_t excused =
      left_ > kMaxBodyLength / 4 ? kMaxBodyLength : kFreeOverhead + 2 * left_;
  overhead_ -= std::min(overhead_, excused);
  return overhead_ <= max_overhead_bytes_ || Fail("too much chunk framing for the data it carries");
}

bool ChunkedDecoder::Fail(std::string_view why) {
  fault_ = why;
  return false;
}

}  // namespace spillway
