#include "server/tls_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <cstdint>
#include <string>
#include <utility>

namespace spillway {
namespace {

// gRPC's C++ layer offers a certificate that is fixed, or one that it reads from files itself
// without looking whether they fit; its C layer lets us give out what we have checked.
class TlsCredentials final : public grpc::ServerCredentials {
 public:
  TlsCredentials(std::shared_ptr<const FrontCertificates> certificates, bool require_client)
      : certificates_(std::move(certificates)) {
    const bool asks = !certificates_->current()->client_ca_pem.empty();
    const auto request = !asks ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                         : require_client
                             ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                             : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
    credentials_ = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request, &Fetch, this));
  }
  ~TlsCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>& /*processor*/) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // gRPC calls it under a lock of its own.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    auto& mine = *static_cast<TlsCredentials*>(self);
    const std::uint64_t generation = mine.certificates_->generation();
    if (generation == mine.fetched_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const std::shared_ptr<const FrontCertificate> current = mine.certificates_->current();
    const grpc_ssl_pem_key_cert_pair pair = {current->key_pem.c_str(),
                                             current->certificate_pem.c_str()};
    // gRPC aborts without roots, even where it asks callers for nothing and has no use for them.
    const std::string& roots =
        current->client_ca_pem.empty() ? current->certificate_pem : current->client_ca_pem;
    *config = grpc_ssl_server_certificate_config_create(roots.c_str(), &pair, 1);
    mine.fetched_ = generation;
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const std::shared_ptr<const FrontCertificates> certificates_;
  grpc_server_credentials* credentials_ = nullptr;
  std::uint64_t fetched_ = 0;  // generation
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    std::shared_ptr<const FrontCertificates> certificates, bool require_client) {
  return std::make_shared<TlsCredentials>(std::move(certificates), require_client);
}

}  // namespace spillway
