#include "transport/http1/request_encoder.h"

#include <array>
#include <charconv>

#include "transport/base/check.h"
#include "transport/base/field_rules.h"
#include "transport/base/header_list.h"

namespace spillway {
namespace {

// 64 bits in base 16 or 10 fit.
using NumberText = std::array<char, 20>;

std::string_view ToText(std::uint64_t value, int base, NumberText& buffer) {
  char* const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, base).ptr;
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

// Written by the encoder itself, whatever the caller gave and however it spelled it (V14).
bool IsOurs(std::string_view name) {
  switch (name.size()) {
    case 4:
      return EqualsIgnoreCase(name, "host");
    case 10:
      return EqualsIgnoreCase(name, "connection");
    case 14:
      return EqualsIgnoreCase(name, "content-length");
    case 17:
      return EqualsIgnoreCase(name, "transfer-encoding");
    default:
      return false;
  }
}

bool UsuallyHasBody(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

std::size_t SizeOf(const RequestHead& head) {
  constexpr std::size_t kFixed = 160;  // spaces, version, Host, framing, Connection, line ends
  std::size_t size =
      kFixed + head.method.size() + head.url.target.size() + 2 * head.url.host.size();
  for (const HeaderField& field : head.headers) size += field.name.size() + field.value.size() + 4;
  return size;
}

}  // namespace

RequestFraming FramingFor(std::string_view method, std::optional<std::uint64_t> body_length) {
  using Kind = RequestFraming::Kind;
  if (!body_length) return {Kind::kChunked, 0};
  if (*body_length == 0 && !UsuallyHasBody(method)) return {Kind::kNone, 0};
  return {Kind::kLength, *body_length};
}

void EncodeRequestHead(const RequestHead& head, const EncodeOptions& options, std::string& out) {
  SPILLWAY_DCHECK(IsToken(head.method));
  const std::string_view target = head.target.empty() ? head.url.target : head.target;
  SPILLWAY_DCHECK(!target.empty());
  out.reserve(out.size() + SizeOf(head));

  out.append(head.method).append(" ");
  if (options.absolute_form) {
    SPILLWAY_DCHECK(head.url.scheme == "http");
    out.append("http://").append(head.url.Authority());
    // "*" is written as no path at all (RFC 9112 3.2.4).
    if (target != "*") out.append(target);
  } else {
    SPILLWAY_DCHECK(options.proxy_authorization.empty());
    out.append(target);
  }
  out.append(" HTTP/1.1\r\n");
  if (const std::optional<std::string_view> host = head.headers.Find("Host")) {
    AppendField("Host", *host, out);
  } else if (options.switching == ProtocolSwitch::kConnect) {
    AppendField("Host", target, out);
  } else {
    AppendField("Host", head.url.Authority(), out);
  }
  if (!options.proxy_authorization.empty()) {
    AppendField("Proxy-Authorization", options.proxy_authorization, out);
  }
  for (const HeaderField& field : head.headers) {
    SPILLWAY_DCHECK(IsToken(field.name) && IsFieldValue(field.value));
    if (!IsOurs(field.name)) AppendField(field.name, field.value, out);
  }
  switch (options.framing.kind) {
    case RequestFraming::Kind::kNone:
      break;
    case RequestFraming::Kind::kLength: {
      NumberText buffer;
      AppendField("Content-Length", ToText(options.framing.length, 10, buffer), out);
      break;
    }
    case RequestFraming::Kind::kChunked:
      AppendField("Transfer-Encoding", "chunked", out);
      break;
  }
  if (options.switching == ProtocolSwitch::kUpgrade) {
    AppendField("Connection", "Upgrade", out);
  } else if (options.close) {
    AppendField("Connection", "close", out);
  }
  out += "\r\n";
}

void AppendChunkStart(std::uint64_t bytes, std::string& out) {
  SPILLWAY_CHECK_NOTE(bytes > 0, "a chunk of no bytes ends the body");
  NumberText buffer;
  out.append(ToText(bytes, 16, buffer)).append("\r\n");
}

}  // namespace spillway
