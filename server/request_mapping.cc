#include "server/request_mapping.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "transport/base/buffered_body.h"
#include "transport/base/field_rules.h"

namespace spillway {
namespace {

// google.protobuf.Duration's own range.
constexpr std::int64_t kMaxDurationSeconds = 315'576'000'000;
constexpr std::int32_t kNanosPerSecond = 1'000'000'000;

// Saturates at kForever.
Result<Duration> MapDuration(const WireDuration& wire, std::string_view field) {
  if (wire.seconds < 0 || wire.nanos < 0) return BadRequest(field, "must not be negative");
  if (wire.seconds > kMaxDurationSeconds || wire.nanos >= kNanosPerSecond) {
    return BadRequest(field, "is not a valid Duration");
  }
  constexpr std::int64_t kMaxSeconds = kForever.count() / kNanosPerSecond - 1;
  if (wire.seconds > kMaxSeconds) return kForever;
  return Duration(wire.seconds * kNanosPerSecond + wire.nanos);
}

Result<Instant> MapDeadline(const WireOptions& options, const MappingContext& context) {
  Instant deadline = kNever;
  if (context.grpc_time_left != kForever) {
    deadline = After(context.now, context.grpc_time_left - DeadlineMargin(context.grpc_time_left));
  }
  if (options.timeout.has_value()) {
    const Result<Duration> timeout = MapDuration(*options.timeout, "options.timeout");
    if (!timeout.has_value()) return timeout.error();
    deadline = std::min(deadline, After(context.now, *timeout));
  }
  return deadline;
}

Result<Duration> MapResponseHeaderTimeout(const WireOptions& options) {
  if (!options.response_header_timeout.has_value()) return Duration::zero();
  constexpr std::string_view kField = "options.response_header_timeout";
  Result<Duration> timeout = MapDuration(*options.response_header_timeout, kField);
  if (timeout.has_value() && *timeout == Duration::zero()) {
    return BadRequest(kField, "must be more than zero");
  }
  return timeout;
}

Result<ExchangeDetail> MapDetail(std::int32_t value) {
  switch (value) {
    case 0:
    case 1:
      return ExchangeDetail::kSummary;
    case 2:
      return ExchangeDetail::kTimeline;
    case 3:
      return ExchangeDetail::kNone;
    default:
      return BadRequest("options.exchange_detail", "is not a value of the enum");
  }
}

Result<Decompression> MapDecompression(std::int32_t value) {
  switch (value) {
    case 0:
      return Decompression::kPolicy;
    case 1:
      return Decompression::kAuto;
    case 2:
      return Decompression::kPassThrough;
    default:
      return BadRequest("options.decompression", "is not a value of the enum");
  }
}

Result<Idempotency> MapIdempotency(std::int32_t value) {
  switch (value) {
    case 0:
      return Idempotency::kByMethod;
    case 1:
      return Idempotency::kIdempotent;
    case 2:
      return Idempotency::kNotIdempotent;
    default:
      return BadRequest("options.idempotency", "is not a value of the enum");
  }
}

Result<std::uint64_t> MapMaxResponseBytes(std::uint64_t wanted, const MappingContext& context) {
  // No message has to hold what is streamed.
  if (context.streamed) return wanted;
  const std::uint64_t most = context.max_response_bytes;
  if (wanted == 0) return std::min(kDefaultMaxResponseBytes, most);
  if (wanted > most) {
    return BadRequest("options.max_response_bytes", "is above the service's own limit");
  }
  return wanted;
}

// What a message says about its own body and trailers.
std::optional<Failure> CheckBody(const WireRequest& wire, const MappingContext& context) {
  if (context.streamed) {
    if (wire.trailers.empty()) return std::nullopt;
    return BadRequest("trailers", "of a stream come in a frame of their own");
  }
  if (wire.content_length.has_value() && *wire.content_length != wire.body.size()) {
    return BadRequest("content_length", "is not the length of the body");
  }
  if (wire.trailers.empty()) return std::nullopt;
  RequestFieldLimits limits;
  if (context.transport != nullptr) {
    if (const auto policy = context.transport->policy()) limits = policy->request_limits();
  }
  if (std::optional<Failure> refusal = CheckTrailers(wire.trailers, limits)) return refusal;
  // They are announced in our words, and HTTP/1.1 has no place for them behind a body of known
  // length (F8).
  for (std::size_t i = 0; i < wire.headers.size(); ++i) {
    const std::string& name = wire.headers[i].name;
    for (const std::string_view refused : {"Trailer", "Content-Length"}) {
      if (!EqualsIgnoreCase(name, refused)) continue;
      return BadRequest("headers[" + std::to_string(i) + "]",
                        std::string(refused) + " may not be given with trailers");
    }
  }
  return std::nullopt;
}

// The value of the Trailer field that announces them, each name once.
std::string NamesOf(const HeaderList& trailers) {
  std::string names;
  for (std::size_t i = 0; i < trailers.size(); ++i) {
    bool before = false;
    for (std::size_t k = 0; k < i && !before; ++k) {
      before = EqualsIgnoreCase(trailers[k].name, trailers[i].name);
    }
    if (before) continue;
    if (!names.empty()) names += ", ";
    names += trailers[i].name;
  }
  return names;
}

}  // namespace

Duration DeadlineMargin(Duration time_left) {
  if (time_left <= Duration::zero()) return Duration::zero();
  const Duration margin = std::clamp<Duration>(time_left / 50, std::chrono::milliseconds(5),
                                               std::chrono::milliseconds(50));
  return std::min(margin, time_left / 2);
}

Result<MappedRequest> MapRequest(WireRequest wire, const MappingContext& context) {
  const WireOptions& options = wire.options;
  if (wire.too_many_fields) return BadRequest("headers", "has too many entries");
  if (options.max_redirects > kMaxHops) {
    return BadRequest("options.max_redirects", "is above 50");
  }
  const Result<Decompression> decompression = MapDecompression(options.decompression);
  if (!decompression.has_value()) return decompression.error();
  if (std::optional<Failure> refusal = CheckBody(wire, context)) return *std::move(refusal);
  const Result<ExchangeDetail> detail = MapDetail(options.exchange_detail);
  if (!detail.has_value()) return detail.error();
  const Result<Idempotency> idempotency = MapIdempotency(options.idempotency);
  if (!idempotency.has_value()) return idempotency.error();
  const Result<Instant> deadline = MapDeadline(options, context);
  if (!deadline.has_value()) return deadline.error();
  const Result<Duration> header_timeout = MapResponseHeaderTimeout(options);
  if (!header_timeout.has_value()) return header_timeout.error();
  const Result<std::uint64_t> max_bytes = MapMaxResponseBytes(options.max_response_bytes, context);
  if (!max_bytes.has_value()) return max_bytes.error();

  MappedRequest mapped;
  mapped.detail = *detail;
  mapped.informational = options.informational;
  mapped.request.max_redirects = options.max_redirects;
  mapped.request.decompression = *decompression;
  mapped.request.cookie_jar = std::move(wire.options.cookie_jar);
  Request& request = mapped.request.request;
  request.method = std::move(wire.method);
  request.url = std::move(wire.url);
  request.request_target = std::move(wire.request_target);
  request.headers = std::move(wire.headers);
  request.streamed = context.streamed;
  if (!wire.trailers.empty()) {
    request.headers.Add("Trailer", NamesOf(wire.trailers));
    request.body = std::make_shared<BufferedBody>(std::move(wire.body), std::move(wire.trailers));
  } else if (!context.streamed && !wire.body.empty()) {
    request.body = std::make_shared<BufferedBody>(std::move(wire.body));
  }
  request.deadline = *deadline;
  request.response_header_timeout = *header_timeout;
  request.idempotency = *idempotency;
  request.max_attempts = options.max_attempts;
  request.fresh_connection = options.fresh_connection;
  request.max_response_bytes = *max_bytes;
  request.want_timeline = *detail == ExchangeDetail::kTimeline;
  return mapped;
}

}  // namespace spillway
