// Any request fields into the checks and the encoder (C-024).
//
// Input: parts separated by byte 0x1e: flags ("c": close), method, URL, request
// target, body, then name and value of each header. Oracle: the request is refused, or Beast reads
// exactly one request from the bytes, with the same method, target, headers and body.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/beast_reader.h"
#include "transport/base/check.h"
#include "transport/base/field_rules.h"
#include "transport/base/url.h"
#include "transport/http1/request_encoder.h"

namespace spillway {
namespace {

std::vector<std::string_view> Split(std::string_view input) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = input.find('\x1e');
    parts.push_back(input.substr(0, end));
    if (end == std::string_view::npos) return parts;
    input.remove_prefix(end + 1);
  }
}

// The fields that must be on the wire, told from the documentation of the encoder.
HeaderList ExpectedFields(const RequestHead& head, const EncodeOptions& options) {
  HeaderList expected;
  const std::optional<std::string_view> host = head.headers.Find("host");
  expected.Add("Host", host ? *host : std::string_view(head.url.Authority()));
  for (const HeaderField& field : head.headers) {
    const bool ours = EqualsIgnoreCase(field.name, "host") ||
                      EqualsIgnoreCase(field.name, "connection") ||
                      EqualsIgnoreCase(field.name, "content-length") ||
                      EqualsIgnoreCase(field.name, "transfer-encoding");
    if (!ours) expected.Add(field.name, field.value);
  }
  if (options.framing.kind == RequestFraming::Kind::kLength) {
    expected.Add("Content-Length", std::to_string(options.framing.length));
  } else if (options.framing.kind == RequestFraming::Kind::kChunked) {
    expected.Add("Transfer-Encoding", "chunked");
  }
  if (options.close) expected.Add("Connection", "close");
  return expected;
}

void CheckWire(const RequestHead& head, std::string_view body, const EncodeOptions& options) {
  std::string wire;
  EncodeRequestHead(head, options, wire);
  if (options.framing.kind == RequestFraming::Kind::kChunked) {
    if (!body.empty()) {
      AppendChunkStart(body.size(), wire);
      wire.append(body).append(kChunkEnd);
    }
    wire += kLastChunk;
  } else {
    wire += body;
  }
  const std::optional<BeastMessage> read = ReadBeastRequest(wire);
  SPILLWAY_CHECK(read && read->complete && read->consumed == wire.size());
  SPILLWAY_CHECK(read->method == head.method);
  SPILLWAY_CHECK(read->target == (head.target.empty() ? head.url.target : head.target));
  SPILLWAY_CHECK(read->version == 11);
  SPILLWAY_CHECK(read->headers == ExpectedFields(head, options));
  SPILLWAY_CHECK(read->trailers.empty() && read->body == body);
}

void CheckRequestParts(const std::vector<std::string_view>& parts) {
  if (parts.size() < 5) return;
  RequestHead head;
  head.method = parts[1];
  head.target = parts[3];
  const std::string_view body = parts[4];
  for (std::size_t i = 5; i + 1 < parts.size(); i += 2) head.headers.Add(parts[i], parts[i + 1]);
  Result<Url> url = ParseUrl(parts[2]);
  if (!url) return;
  head.url = *std::move(url);
  const Result<RequestFacts> facts = CheckRequest(head, {.body_size = body.size()}, {});
  if (!facts) {
    SPILLWAY_CHECK(!facts.error().field.empty());
    SPILLWAY_CHECK(facts.error().message.size() <= kMaxFailureMessage);
    return;
  }
  EncodeOptions options;
  options.close = facts->close || parts[0].find('c') != std::string_view::npos;
  options.framing = FramingFor(head.method, body.size());
  CheckWire(head, body, options);
  options.framing = FramingFor(head.method, std::nullopt);
  CheckWire(head, body, options);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  spillway::CheckRequestParts(spillway::Split(input));
  return 0;
}
