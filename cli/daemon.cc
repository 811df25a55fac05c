#include "cli/daemon.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <string_view>

namespace spillway::cli {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

bool IsPort(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string CheckAddress(const std::string& address) {
  // gRPC would take far more than these two forms; what it makes of a slip is hard to read.
  if (address.starts_with(kUnixPrefix)) {
    return address[kUnixPrefix.size()] == '/' ? "" : "unix: needs an absolute path";
  }
  const std::size_t colon = address.rfind(':');
  const bool good = colon != std::string::npos && colon > 0 &&
                    IsPort(std::string_view(address).substr(colon + 1)) &&
                    address.find_first_of("/ ,@%") == std::string::npos;
  return good ? "" : "must be host:port or unix:PATH";
}

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  // http_proxy in the environment is for web pages, not for the way to the daemon.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // The daemon bounds what it sends; here a second bound would only surprise.
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

void SetDeadline(grpc::ClientContext& context, const CommonOptions& options,
                 std::optional<Duration> otherwise) {
  const std::optional<Duration> timeout = options.timeout ? options.timeout : otherwise;
  if (!timeout.has_value() || *timeout == kForever) return;
  // A year is as good as never, and stays clear of the clock's end.
  const Duration bounded = std::min<Duration>(*timeout, std::chrono::hours(8760));
  context.set_deadline(std::chrono::system_clock::now() + bounded);
}

}  // namespace spillway::cli
