// Request heads as HTTP/1.1 bytes.
//
// What it is: serialises a checked RequestHead once, refusing rather than escaping (rule R9): the
// request line, Host, the caller's headers in the caller's order, framing.
// Thread safety: pure functions.
// Errors: none; the input went through CheckRequest (transport/base/field_rules.h), which the
// encoder re-checks in debug builds only.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/base/message.h"

namespace spillway {

// How the request body is framed on the wire.
struct RequestFraming {
  enum class Kind : std::uint8_t { kNone, kLength, kChunked } kind = Kind::kNone;
  std::uint64_t length = 0;
};

// Framing of a body whose length is known. Content-Length: 0 is sent for methods that usually have
// a body (POST, PUT, PATCH), not for others (F2); a body on any method is framed (C-017).
RequestFraming FramingFor(std::string_view method, std::optional<std::uint64_t> body_length);

struct EncodeOptions {
  RequestFraming framing;
  bool close = false;                                // send "Connection: close", exactly once (R8)
  ProtocolSwitch switching = ProtocolSwitch::kNone;  // kUpgrade: "Connection: Upgrade" (U4)
  // To a proxy that is asked to fetch, not to tunnel: the request target is the whole URL, always
  // with the authority that policy chose the way for, never the caller's Host (P4).
  bool absolute_form = false;
  // Value of Proxy-Authorization, "" for none; with absolute_form only: inside a tunnel the origin
  // would read it (P3, O-288). A secret.
  std::string_view proxy_authorization = {};
};

// Appends the head, blank line included, to `out`. Host comes from the caller's Host header when
// there is one (V11), else from the URL. The caller's Host, Content-Length and Connection headers
// are replaced by ours in any spelling (V14); everything else is sent as given, in order. In
// absolute form a Host of the caller's is still sent as given, although a proxy that follows RFC
// 9112 3.2.2 replaces it by the target's authority.
void EncodeRequestHead(const RequestHead& head, const EncodeOptions& options, std::string& out);

// Chunked bodies: AppendChunkStart, that many bytes, kChunkEnd; after the last one kLastChunk. An
// upload that fails halfway never gets its kLastChunk: the connection closes instead (C-019).
// `bytes` is at least 1.
void AppendChunkStart(std::uint64_t bytes, std::string& out);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace spillway
