#include "cli/daemon.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/text.h"

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

std::string LoadTls(TlsOptions& tls) {
  const bool some = !(tls.ca_file.empty() && tls.certificate_file.empty() && tls.key_file.empty() &&
                      tls.name.empty());
  tls.use = tls.use || some;
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    return "--cert and --key belong together";
  }
  for (const auto& [file, pem] : {std::pair{&tls.ca_file, &tls.ca_pem},
                                  std::pair{&tls.certificate_file, &tls.certificate_pem},
                                  std::pair{&tls.key_file, &tls.key_pem}}) {
    if (file->empty()) continue;
    errno = 0;
    std::ifstream in(*file, std::ios::binary);
    pem->assign(std::istreambuf_iterator<char>(in), {});
    if (!in || pem->empty()) {
      const std::string why = errno == 0 ? "it is empty" : std::generic_category().message(errno);
      return "cannot read " + OneLine(*file) + ": " + why;
    }
  }
  return "";
}

std::shared_ptr<grpc::Channel> Connect(const CommonOptions& options, const std::string& address) {
  grpc::ChannelArguments arguments;
  // http_proxy in the environment is for web pages, not for the way to the daemon.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // The daemon bounds what it sends; here a second bound would only surprise.
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  const TlsOptions& tls = options.tls;
  if (!tls.use || address.starts_with(kUnixPrefix)) {
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  }
  if (!tls.name.empty()) arguments.SetSslTargetNameOverride(tls.name);
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = tls.ca_pem;
  ssl.pem_cert_chain = tls.certificate_pem;
  ssl.pem_private_key = tls.key_pem;
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(ssl), arguments);
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
