#include "tests/ledger/wire_entry.h"

#include <algorithm>
#include <cctype>
#include <chrono>

#include "tests/origin/text.h"

namespace spillway {
namespace {

constexpr std::uint32_t kMaxAttempts = 3;
constexpr std::chrono::milliseconds kHeaderTimeout(150);

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// "REASON_CONNECTION_REFUSED" without its prefix, in lower case.
std::string LabelOf(const std::string& name, std::size_t prefix) {
  return Lower(name.substr(prefix));
}

// `name` in lower case.
std::string HeaderOf(const v1::HttpResponse& response, const std::string& name) {
  for (const v1::Header& header : response.headers()) {
    if (Lower(header.name()) == name) return header.value();
  }
  return "";
}

std::uint32_t FailedIn(const v1::Exchange& exchange) {
  return static_cast<std::uint32_t>(std::count_if(
      exchange.attempt_log().begin(), exchange.attempt_log().end(),
      [](const v1::Attempt& attempt) { return attempt.error() != 0 || attempt.status() != 0; }));
}

}  // namespace

v1::HttpRequest MakeWireRequest(const LoadRequest& load, const std::string& authority) {
  v1::HttpRequest request;
  request.set_method(load.method);
  request.set_url("http://" + authority + "/" + load.id);
  request.set_body(load.body);
  if (load.idempotency_key) {
    v1::Header& key = *request.add_headers();
    key.set_name("Idempotency-Key");
    key.set_value(load.id);
  }
  v1::RequestOptions& options = *request.mutable_options();
  options.set_exchange_detail(v1::EXCHANGE_DETAIL_TIMELINE);
  options.mutable_response_header_timeout()->set_nanos(
      static_cast<std::int32_t>(std::chrono::nanoseconds(kHeaderTimeout).count()));
  return request;
}

void FillFailure(CallerEntry& entry, const google::rpc::Status& status) {
  v1::EgressError detail;
  if (status.details().empty() || !status.details(0).UnpackTo(&detail)) {
    // Ended on this side (cancelled, deadline): nobody says what the origin may have seen.
    entry.reason = "grpc_" + std::to_string(status.code());
    entry.delivery = "unknown";
    entry.attempts = kMaxAttempts;
    entry.failed_attempts_logged = kMaxAttempts;
    return;
  }
  entry.reason = LabelOf(v1::Reason_Name(detail.reason()), std::string("REASON_").size());
  entry.delivery = LabelOf(v1::Delivery_Name(detail.delivery()), std::string("DELIVERY_").size());
  entry.attempts = detail.attempts();
  entry.failed_attempts_logged = FailedIn(detail.exchange());
}

void FillResponse(CallerEntry& entry, const v1::HttpResponse& response) {
  entry.attempts = response.exchange().attempts();
  entry.failed_attempts_logged = FailedIn(response.exchange());
  if (response.status() != 200) {
    entry.reason = "status_" + std::to_string(response.status());
    entry.delivery = "answered";
    return;
  }
  entry.ok = true;
  entry.echoed_id = HeaderOf(response, "x-id");
  entry.echoed_digest = ReadNumber(HeaderOf(response, "x-digest")).value_or(0);
  entry.response_body_right = response.body() == ResponseBodyOf(entry.id);
}

}  // namespace spillway
