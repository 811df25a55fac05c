#include "transport/http1/head_parser.h"

#include <algorithm>

#include "transport/base/ascii.h"
#include "transport/base/decimal.h"
#include "transport/base/header_list.h"

namespace spillway {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";
constexpr std::size_t kCodeStart = 9;                 // "HTTP/1.1 "
constexpr std::size_t kReasonStart = kCodeStart + 3;  // then SP

bool IsReason(std::string_view reason) {
  if (!reason.empty() && reason.front() == ' ') return false;
  return std::all_of(reason.begin(), reason.end(),
                     [](char c) { return IsFieldByte(c) && c != '\t'; });
}

bool IsTokenList(std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = TrimBlanks(list.substr(0, comma));
    if (!AreTokenBytes(element)) return false;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return true;
}

bool IsConnectionOption(std::string_view name) {
  return EqualsIgnoreCase(name, "connection") || EqualsIgnoreCase(name, "proxy-connection");
}

struct FramingFields {
  std::size_t length_count = 0;
  std::size_t coding_count = 0;
  std::string_view length;
  std::string_view coding;
};

FramingFields FindFramingFields(const HeaderList& headers) {
  FramingFields found;
  for (const HeaderField& field : headers) {
    if (EqualsIgnoreCase(field.name, "Content-Length")) {
      ++found.length_count;
      found.length = field.value;
    } else if (EqualsIgnoreCase(field.name, "Transfer-Encoding")) {
      ++found.coding_count;
      found.coding = field.value;
    }
  }
  return found;
}

HeadFault BadCoding(std::string_view text) { return {Reason::kHttpResponseTransferCoding, text}; }
HeadFault BadSyntax(std::string_view text) { return {Reason::kHttpProtocolError, text}; }

}  // namespace

bool MayBeStatusLine(std::string_view line) {
  return kVersion.substr(0, line.size()) == line.substr(0, kVersion.size());
}

HeadFault ParseStatusLine(std::string_view line, ResponseHead& head) {
  if (!line.starts_with(kVersion) || line.size() < kReasonStart) {
    return BadSyntax("malformed status line");
  }
  const char minor = line[kVersion.size()];
  if ((minor != '0' && minor != '1') || line[kCodeStart - 1] != ' ') {
    return BadSyntax("unsupported version in the status line");
  }
  std::uint32_t status = 0;
  for (const char c : line.substr(kCodeStart, 3)) {
    if (!IsDigit(c)) return BadSyntax("malformed status code");
    status = status * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (status < 100) return BadSyntax("status code below 100");
  std::string_view reason = line.substr(kReasonStart);
  if (!reason.empty()) {
    if (reason.front() != ' ') return BadSyntax("malformed status code");
    reason.remove_prefix(1);
    if (!IsReason(reason)) return BadSyntax("malformed reason phrase");
  }
  head.status = status;
  head.minor_version = minor - '0';
  head.reason = reason;
  return {};
}

HeadFault ParseFieldLine(std::string_view line, std::string_view& name, std::string_view& value) {
  if (!line.empty() && IsBlank(line.front())) return BadSyntax("a header line is folded");
  std::size_t colon = 0;
  while (colon < line.size() && IsTokenByte(line[colon])) ++colon;
  if (colon == line.size()) return BadSyntax("a header line without colon");
  if (line[colon] != ':' || colon == 0) return BadSyntax("a header name is not a token");
  name = line.substr(0, colon);
  value = TrimBlanks(line.substr(colon + 1));
  if (!AreFieldBytes(value)) {
    return BadSyntax("a control byte in a header value");
  }
  if (IsConnectionOption(name) && !IsTokenList(value)) {
    return BadSyntax("Connection is not a list of tokens");
  }
  return {};
}

HeadFault DecideFraming(const ResponseHead& head, bool head_request, BodyFraming& framing) {
  const FramingFields fields = FindFramingFields(head.headers);
  if (fields.length_count > 0 && fields.coding_count > 0) {
    return BadSyntax("both Content-Length and Transfer-Encoding");
  }
  if (fields.length_count > 1) return BadSyntax("more than one Content-Length");
  if (fields.coding_count > 1) return BadCoding("more than one Transfer-Encoding");
  std::optional<std::uint64_t> length;
  if (fields.length_count == 1) {
    length = ParseDecimal(fields.length);
    if (!length) return BadSyntax("malformed Content-Length");
  }
  if (fields.coding_count == 1) {
    if (head.minor_version == 0) return BadCoding("Transfer-Encoding in an HTTP/1.0 response");
    if (!EqualsIgnoreCase(fields.coding, "chunked")) {
      return BadCoding("Transfer-Encoding other than chunked");
    }
  }
  if (head_request || head.status == 101 || head.status == 204 || head.status == 304) {
    framing = {BodyKind::kNone, 0};
  } else if (fields.coding_count == 1) {
    framing = {BodyKind::kChunked, 0};
  } else if (length) {
    framing = {BodyKind::kLength, *length};
  } else {
    framing = {BodyKind::kUntilClose, 0};
  }
  return {};
}

}  // namespace spillway
