// Who makes a call, as text: the tenant of its request.
//
// Thread safety: pure function.
// Invariants: forms never overlap: "spiffe://...", "dns:NAME", "uid:NUMBER", or "" for nobody in
// particular. Only a certificate that was verified, or the kernel, makes somebody.

#pragma once

#include <grpcpp/security/auth_context.h>

#include <string>

namespace spillway {

// The SPIFFE id of the caller's certificate, else its first DNS name, else, over a Unix socket, the
// caller's user id.
std::string CallerIdentity(const grpc::AuthContext& context);

}  // namespace spillway
