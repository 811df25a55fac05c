// Certificates and keys out of PEM text, strictly.
//
// Thread safety: pure functions.
// Invariants: nothing asks for a passphrase; errors say what is wrong without showing content.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/failure.h"

struct x509_st;      // X509
struct evp_pkey_st;  // EVP_PKEY

namespace spillway {

using X509Ptr = std::shared_ptr<::x509_st>;
using KeyPtr = std::shared_ptr<::evp_pkey_st>;

// All certificates of `pem`, at least one, in their order; text between the blocks is let through,
// other blocks are not. Errors: BadRequest(field, why).
Result<std::vector<X509Ptr>> ParseCertificates(std::string_view pem, std::string_view field);

// The one private key of `pem`. Errors: BadRequest(field, why).
Result<KeyPtr> ParsePrivateKey(std::string_view pem, std::string_view field);

}  // namespace spillway
