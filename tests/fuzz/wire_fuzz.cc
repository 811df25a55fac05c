// Holds the hand-written wire codec to protobuf's generated one.
//
// The input is a HttpRequest message, cut into slices at places that its first byte chooses. Both
// decoders must agree on whether it is one and on all that it says. What it says is then made into
// a response, which must have the very bytes that protobuf's serializer gives.

#include <cstdint>
#include <string>
#include <vector>

#include "server/wire_decode.h"
#include "server/wire_encode.h"
#include "spillway/v1/egress.pb.h"
#include "tests/fuzz/wire_checks.h"

namespace spillway {
namespace {

bool SameDuration(const std::optional<WireDuration>& ours, bool set,
                  const google::protobuf::Duration& theirs) {
  if (ours.has_value() != set) return false;
  return !set || (ours->seconds == theirs.seconds() && ours->nanos == theirs.nanos());
}

void RequireSame(const WireRequest& ours, const v1::HttpRequest& theirs) {
  REQUIRE(ours.method == theirs.method());
  REQUIRE(ours.url == theirs.url());
  REQUIRE(SameHeaders(ours.headers, theirs.headers()));
  REQUIRE(ours.body.Flatten() == theirs.body());
  REQUIRE(SameHeaders(ours.trailers, theirs.trailers()));
  REQUIRE(ours.content_length.has_value() == theirs.has_content_length());
  REQUIRE(ours.content_length.value_or(0) == theirs.content_length());
  REQUIRE(ours.request_target == theirs.request_target());
  const WireOptions& a = ours.options;
  const v1::RequestOptions& b = theirs.options();
  REQUIRE(SameDuration(a.timeout, b.has_timeout(), b.timeout()));
  REQUIRE(a.max_redirects == b.max_redirects());
  REQUIRE(a.idempotency == static_cast<int>(b.idempotency()));
  REQUIRE(a.decompression == static_cast<int>(b.decompression()));
  REQUIRE(a.cookie_jar == b.cookie_jar());
  REQUIRE(a.max_response_bytes == b.max_response_bytes());
  REQUIRE(a.informational == b.informational());
  REQUIRE(a.exchange_detail == static_cast<int>(b.exchange_detail()));
  REQUIRE(a.fresh_connection == b.fresh_connection());
  REQUIRE(SameDuration(a.response_header_timeout, b.has_response_header_timeout(),
                       b.response_header_timeout()));
  REQUIRE(a.max_attempts == b.retry().max_attempts());
}

ResponseHead HeadFrom(const WireRequest& request) {
  ResponseHead head;
  head.status = request.options.max_redirects;
  head.reason = request.options.cookie_jar;
  head.headers = request.headers;
  return head;
}

RoundTripRecord RecordFrom(const WireRequest& request) {
  RoundTripRecord record;
  record.attempts = request.options.max_attempts;
  record.reused = request.options.fresh_connection;
  record.bytes_sent = request.options.max_response_bytes;
  record.timings.total = Duration(request.options.max_response_bytes >> 1);
  record.destination = std::make_shared<const std::string>(request.url);
  const auto info = std::make_shared<ConnectionInfo>();
  info->id = request.content_length.value_or(0);
  info->local_address = request.method;
  info->protocol = request.request_target;
  record.connection = info;
  return record;
}

void SetDuration(Duration from, google::protobuf::Duration& to) {
  to.set_seconds(from.count() / 1'000'000'000);
  to.set_nanos(static_cast<std::int32_t>(from.count() % 1'000'000'000));
}

v1::HttpResponse Expected(const WireRequest& request, const RoundTripRecord& record) {
  v1::HttpResponse response;
  response.set_status(request.options.max_redirects);
  SetHeaders(request.headers, *response.mutable_headers());
  response.set_body(request.body.Flatten());
  SetHeaders(request.trailers, *response.mutable_trailers());
  response.set_protocol(record.connection->protocol);
  response.set_reason(request.options.cookie_jar);
  v1::Exchange& exchange = *response.mutable_exchange();
  exchange.set_attempts(record.attempts);
  exchange.set_connection_id(record.connection->id);
  exchange.set_reused(record.reused);
  exchange.mutable_timings();
  if (record.timings.total > Duration::zero()) {
    SetDuration(record.timings.total, *exchange.mutable_timings()->mutable_total());
  }
  exchange.set_local_address(record.connection->local_address);
  exchange.set_bytes_sent(record.bytes_sent);
  exchange.set_destination(*record.destination);
  v1::InformationalResponse& informational = *response.add_informational();
  informational.set_status(request.options.max_redirects);
  SetHeaders(request.headers, *informational.mutable_headers());
  return response;
}

void RequireEncoding(const WireRequest& request) {
  const ResponseHead head = HeadFrom(request);
  const RoundTripRecord record = RecordFrom(request);
  const std::vector<ResponseHead> informational = {head};
  WireResponse wire;
  wire.head = &head;
  wire.body = &request.body;
  wire.trailers = &request.trailers;
  wire.protocol = record.connection->protocol;
  wire.record = &record;
  wire.informational = &informational;
  grpc::ByteBuffer buffer;
  EncodeHttpResponse(wire, buffer);
  REQUIRE(TextOf(buffer) == Expected(request, record).SerializeAsString());
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned step = data[0] % 8;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  spillway::v1::HttpRequest theirs;
  const bool theirs_ok = theirs.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  spillway::WireRequest ours;
  const bool ours_ok = spillway::DecodeHttpRequest(spillway::Cut(bytes, step), ours);
  REQUIRE(ours_ok == theirs_ok);
  if (!ours_ok || ours.too_many_fields) return 0;
  spillway::RequireSame(ours, theirs);
  spillway::RequireEncoding(ours);
  return 0;
}
