#include "transport/base/trace_context.h"

#include <utility>

#include "transport/base/check.h"

namespace spillway {
namespace {

// 00-<32 digits>-<16 digits>-<2 digits>
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kTraceDigits = 32;
constexpr std::size_t kParentAt = kTraceAt + kTraceDigits + 1;
constexpr std::size_t kParentDigits = 16;
constexpr std::size_t kFlagsAt = kParentAt + kParentDigits + 1;
constexpr std::size_t kLength = kFlagsAt + 2;

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool IsId(std::string_view text) {
  return IsHex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

bool IsTraceparent(std::string_view value) {
  return value.size() == kLength && value.substr(0, kTraceAt) == "00-" &&
         IsId(value.substr(kTraceAt, kTraceDigits)) && value[kParentAt - 1] == '-' &&
         IsId(value.substr(kParentAt, kParentDigits)) && value[kFlagsAt - 1] == '-' &&
         IsHex(value.substr(kFlagsAt));
}

std::string SpanIdText(std::uint64_t span_id) {
  std::string text(kParentDigits, '0');
  for (auto at = text.rbegin(); span_id != 0; ++at, span_id >>= 4) {
    *at = "0123456789abcdef"[span_id & 15];
  }
  return text;
}

std::optional<HeaderList> WithSpanId(const HeaderList& headers, std::uint64_t span_id) {
  SPILLWAY_CHECK(span_id != 0);
  if (headers.Count("traceparent") != 1 || !IsTraceparent(*headers.Find("traceparent"))) {
    return std::nullopt;
  }
  HeaderList traced;
  traced.reserve(headers.size());
  for (const HeaderField& field : headers) {
    HeaderField copy = field;
    if (EqualsIgnoreCase(copy.name, "traceparent")) {
      copy.value.replace(kParentAt, kParentDigits, SpanIdText(span_id));
    }
    traced.Add(std::move(copy));
  }
  return traced;
}

}  // namespace spillway
