#include "cli/call_error.h"

#include <array>
#include <string>

#include "cli/json.h"
#include "cli/text.h"
#include "google/rpc/status.pb.h"

namespace spillway::cli {
namespace {

using spillway::v1::EgressError;

constexpr std::array<const char*, 17> kCodeNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

std::string DeliveryText(const EgressError& error) {
  switch (error.delivery()) {
    case spillway::v1::DELIVERY_NOT_SENT:
      return "Nothing of the request was sent.";
    case spillway::v1::DELIVERY_UNPROCESSED:
      return "The origin said that it did not act on the request.";
    case spillway::v1::DELIVERY_UNKNOWN:
      return "The origin may have acted on the request.";
    case spillway::v1::DELIVERY_ANSWERED:
      return "The origin had begun to answer" +
             (error.response_status() == 0
                  ? std::string()
                  : " with status " + std::to_string(error.response_status())) +
             ".";
    default:
      return "";
  }
}

// "connection_refused, source origin, phase connect, delivery not_sent, 2 attempts".
std::string Facts(const EgressError& error) {
  std::string text;
  const auto add = [&text](const char* name, const std::string& value) {
    if (value.empty()) return;
    text += (text.empty() ? "" : ", ") + (*name == '\0' ? "" : std::string(name) + " ") + value;
  };
  add("reason", LabelOf(error.reason()));
  add("source", LabelOf(error.source()));
  add("phase", LabelOf(error.phase()));
  add("delivery", LabelOf(error.delivery()));
  add("field", OneLine(error.field()));
  if (error.attempts() > 0) add("attempts", std::to_string(error.attempts()));
  if (error.proxy_status() > 0) add("proxy status", std::to_string(error.proxy_status()));
  if (error.has_retry_after()) add("retry after", TimeText(DurationOf(error.retry_after())));
  return text;
}

ExitCode ExitCodeFor(const grpc::Status& status, bool egress_error) {
  if (egress_error) return ExitCode::kEgress;
  switch (status.error_code()) {
    // Without details: nobody who knows more has answered.
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED:
      return ExitCode::kUnreachable;
    default:
      return ExitCode::kRefused;
  }
}

std::string Headline(ExitCode code, const grpc::Status& status, const std::string& address) {
  if (code == ExitCode::kEgress) return "no response: " + OneLine(status.error_message());
  if (code == ExitCode::kRefused) {
    return "the daemon refused the call: " + CodeName(status.error_code()) + ": " +
           OneLine(status.error_message());
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return "the daemon at " + OneLine(address) + " did not answer in time";
  }
  return "the daemon at " + OneLine(address) +
         " cannot be reached or went away: " + OneLine(status.error_message());
}

}  // namespace

std::optional<EgressError> EgressErrorOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (status.error_details().empty() || !details.ParseFromString(status.error_details())) {
    return std::nullopt;
  }
  for (const google::protobuf::Any& any : details.details()) {
    EgressError error;
    if (any.UnpackTo(&error)) return error;
  }
  return std::nullopt;
}

std::string CodeName(grpc::StatusCode code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kCodeNames.size() ? kCodeNames[index] : std::to_string(index);
}

ExitCode ReportFailure(const grpc::Status& status, const std::string& address,
                       const CommonOptions& options, Console& console) {
  const std::optional<EgressError> error = EgressErrorOf(status);
  const ExitCode code = ExitCodeFor(status, error.has_value());
  if (options.json) {
    Json json;
    json["code"] = CodeName(status.error_code());
    json["message"] =
        IsUtf8(status.error_message()) ? status.error_message() : OneLine(status.error_message());
    if (error.has_value()) json["egress"] = JsonOf(*error);
    console.out() << Pretty(Json{{"error", json}});
    return code;
  }
  console.Complain(Headline(code, status, address));
  if (error.has_value()) {
    console.err() << "  " << Facts(*error) << "\n";
    const std::string delivery = DeliveryText(*error);
    if (!delivery.empty()) console.err() << "  " << delivery << "\n";
  }
  return code;
}

}  // namespace spillway::cli
