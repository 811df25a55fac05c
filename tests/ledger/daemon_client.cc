#include "tests/ledger/daemon_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "google/rpc/status.pb.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

constexpr std::size_t kChannels = 4;
constexpr std::uint32_t kMaxAttempts = 3;
constexpr std::chrono::milliseconds kHeaderTimeout(150);

// "REASON_CONNECTION_REFUSED" without its prefix, in lower case.
std::string LabelOf(std::string name, std::size_t prefix) {
  name.erase(0, prefix);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

std::optional<v1::EgressError> DetailOf(const grpc::Status& status) {
  google::rpc::Status rich;
  v1::EgressError detail;
  if (!rich.ParseFromString(status.error_details()) || rich.details().empty() ||
      !rich.details(0).UnpackTo(&detail)) {
    return std::nullopt;
  }
  return detail;
}

std::string HeaderOf(const v1::HttpResponse& response, const std::string& name) {
  for (const v1::Header& header : response.headers()) {
    if (header.name() == name) return header.value();
  }
  return "";
}

std::uint32_t FailedIn(const v1::Exchange& exchange) {
  return static_cast<std::uint32_t>(
      std::count_if(exchange.attempt_log().begin(), exchange.attempt_log().end(),
                    [](const v1::Attempt& attempt) { return attempt.error() != 0; }));
}

void FillFailure(CallerEntry& entry, const grpc::Status& status) {
  const auto detail = DetailOf(status);
  if (!detail.has_value()) {
    // Ended on this side (cancelled, deadline): nobody says what the origin may have seen.
    entry.reason = "grpc_" + std::to_string(status.error_code());
    entry.delivery = "unknown";
    entry.attempts = kMaxAttempts;
    entry.failed_attempts_logged = kMaxAttempts;
    return;
  }
  entry.reason = LabelOf(v1::Reason_Name(detail->reason()), std::string("REASON_").size());
  entry.delivery = LabelOf(v1::Delivery_Name(detail->delivery()), std::string("DELIVERY_").size());
  entry.attempts = detail->attempts();
  entry.failed_attempts_logged = FailedIn(detail->exchange());
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
  entry.echoed_id = HeaderOf(response, "X-Id");
  entry.echoed_digest = ReadNumber(HeaderOf(response, "X-Digest")).value_or(0);
  entry.response_body_right = response.body() == ResponseBodyOf(entry.id);
}

}  // namespace

DaemonLoadClient::DaemonLoadClient(const std::string& daemon_address, std::uint16_t origin_port,
                                   std::string denied_address)
    : origin_("127.0.0.1:" + std::to_string(origin_port)), denied_(std::move(denied_address)) {
  for (std::size_t i = 0; i < kChannels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("spillway.test.channel", static_cast<int>(i));  // no sharing of connections
    stubs_.push_back(v1::Egress::NewStub(
        grpc::CreateCustomChannel(daemon_address, grpc::InsecureChannelCredentials(), arguments)));
  }
}

v1::HttpRequest DaemonLoadClient::MakeRequest(const LoadRequest& load) const {
  v1::HttpRequest request;
  request.set_method(load.method);
  request.set_url("http://" + (load.denied ? denied_ : origin_) + "/" + load.id);
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

CallerEntry DaemonLoadClient::Send(const LoadRequest& load) {
  CallerEntry entry = EntryOf(load);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       (load.deadline_us.has_value()
                            ? std::chrono::microseconds(*load.deadline_us + 2000)
                            : std::chrono::microseconds(std::chrono::seconds(60))));
  const v1::HttpRequest request = MakeRequest(load);
  v1::HttpResponse response;
  std::thread canceller;
  if (load.cancel_after_yields.has_value()) {
    canceller = std::thread([&] {
      for (std::uint32_t i = 0; i < *load.cancel_after_yields; ++i) std::this_thread::yield();
      context.TryCancel();
    });
  }
  const std::size_t channel = Digest(load.id) % stubs_.size();
  const grpc::Status status = stubs_[channel]->RoundTrip(&context, request, &response);
  if (canceller.joinable()) canceller.join();
  entry.ends = 1;
  if (status.ok()) {
    FillResponse(entry, response);
  } else {
    FillFailure(entry, status);
  }
  return entry;
}

}  // namespace spillway
