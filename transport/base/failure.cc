#include "transport/base/failure.h"

#include <array>

#include "transport/base/check.h"

namespace spillway {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Reason::kReasonCount)>
    kReasonLabels = {
        "",
        "http_request_error",
        "unimplemented",
        "http_request_denied",
        "cancelled",
        "deadline_exceeded",
        "pool_queue_full",
        "pool_queue_timeout",
        "connection_limit_reached",
        "draining",
        "dns_timeout",
        "dns_error",
        "destination_not_found",
        "destination_ip_prohibited",
        "destination_ip_unroutable",
        "connection_refused",
        "connection_timeout",
        "connection_error",
        "connection_terminated",
        "connection_read_timeout",
        "connection_write_timeout",
        "http_response_timeout",
        "http_response_body_timeout",
        "http_response_incomplete",
        "http_response_header_section_size",
        "http_response_header_size",
        "http_response_body_size",
        "http_response_trailer_section_size",
        "http_response_transfer_coding",
        "http_protocol_error",
        "http_upgrade_failed",
        "internal_error",
        "proxy_timeout",
        "proxy_authentication_required",
        "proxy_denied",
        "proxy_protocol_error",
        "proxy_configuration_error",
        "tls_timeout",
        "tls_certificate_error",
        "tls_alert_received",
        "tls_protocol_error",
        "http_stream_refused",
        "http_stream_reset",
        "http_downgrade_required",
        "http_response_content_coding",
};

constexpr std::array<std::string_view, 9> kSourceLabels = {
    "", "caller", "policy", "pool", "dns", "proxy", "tls", "origin", "service"};
constexpr std::array<std::string_view, 9> kPhaseLabels = {
    "", "queue", "dns", "connect", "proxy", "tls", "write", "first_byte", "body"};
constexpr std::array<std::string_view, 5> kDeliveryLabels = {"", "not_sent", "unprocessed",
                                                             "unknown", "answered"};

}  // namespace

std::string_view Label(Reason reason) { return kReasonLabels.at(static_cast<std::size_t>(reason)); }
std::string_view Label(Source source) { return kSourceLabels.at(static_cast<std::size_t>(source)); }
std::string_view Label(Phase phase) { return kPhaseLabels.at(static_cast<std::size_t>(phase)); }
std::string_view Label(Delivery delivery) {
  return kDeliveryLabels.at(static_cast<std::size_t>(delivery));
}

Failure BadRequest(std::string_view field, std::string_view why) {
  Failure failure{Reason::kHttpRequestError, Source::kCaller, Phase::kNone, Delivery::kNotSent};
  failure.field = field;
  failure.message = std::string(field) + ": " + std::string(why);
  return failure;
}

Failure Unimplemented(std::string_view field) {
  Failure failure{Reason::kUnimplemented, Source::kService, Phase::kNone, Delivery::kNotSent};
  failure.field = field;
  failure.message = std::string(field) + ": not supported by this version";
  return failure;
}

std::string EscapeForError(std::string_view text, std::size_t max) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x20 && byte < 0x7f && c != '\\';
    if (out.size() + (plain ? 1 : 4) > max) return out + "...";
    if (plain) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

void throw_exception_from_error(const Failure& failure, const boost::source_location& where) {
  CheckFailed(where.file_name(), static_cast<int>(where.line()), "result has a value",
              failure.message.c_str());
}

}  // namespace spillway
