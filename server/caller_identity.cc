#include "server/caller_identity.h"

#include <grpc/grpc_security_constants.h>

#include <string_view>
#include <vector>

#include "server/unix_identities.h"

namespace spillway {
namespace {

// Longest SPIFFE id (SPIFFE-ID, 2.3), and more than any DNS name.
constexpr std::size_t kMaxIdentityBytes = 2048;

std::string First(const grpc::AuthContext& context, const char* property) {
  const std::vector<grpc::string_ref> values = context.FindPropertyValues(property);
  return values.empty() ? "" : std::string(values.front().data(), values.front().size());
}

// What a host name consists of; a certificate's text can hold anything.
bool IsDnsName(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  for (const char c : name) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '.' || c == '_' || c == '*';
    if (!good) return false;
  }
  return true;
}

bool IsPrintable(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~') return false;
  }
  return !text.empty() && text.size() <= kMaxIdentityBytes;
}

}  // namespace

std::string CallerIdentity(const grpc::AuthContext& context) {
  // Set by gRPC when the certificate has exactly one URI and that is a well-formed SPIFFE id.
  std::string spiffe = First(context, GRPC_PEER_SPIFFE_ID_PROPERTY_NAME);
  if (IsPrintable(spiffe)) return spiffe;
  std::string name = First(context, GRPC_PEER_DNS_PROPERTY_NAME);
  if (IsDnsName(name)) {
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return "dns:" + name;
  }
  return First(context, UnixIdentities::kProperty);
}

}  // namespace spillway
