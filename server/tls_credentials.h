// Credentials of a server whose certificate can be replaced while it runs.
//
// What it is: gRPC asks at each handshake whether there is a newer certificate; open connections
// keep the one they began with. TLS 1.2 and 1.3, HTTP/2 by ALPN, as gRPC has it.
// Thread safety: as grpc::ServerCredentials; gRPC asks from its own threads.

#pragma once

#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "server/front_certificates.h"

namespace spillway {

// Callers are asked for a certificate when `certificates` has a client CA; `require_client` refuses
// those that show none. One that is shown is always verified. For one server only.
std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    std::shared_ptr<const FrontCertificates> certificates, bool require_client);

}  // namespace spillway
