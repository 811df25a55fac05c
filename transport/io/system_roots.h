// The certificates that this machine trusts.
//
// What it is: the system's bundle, read when asked and parsed when its bytes have changed.
// Where: the file SSL_CERT_FILE names, else OpenSSL's default, else where distributions keep it.
// Thread safety: any thread.
// Invariants: equal digests, equal roots.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transport/io/tls_pem.h"

struct x509_store_st;  // X509_STORE

namespace spillway {

struct SystemRoots {
  std::string digest;  // of the bundle's bytes; "" when there is no bundle
  std::vector<X509Ptr> certificates;
  std::shared_ptr<::x509_store_st> store;  // of these; shared, never changed
};

// Never null. A bundle that is missing or damaged gives no certificates: every verification fails.
std::shared_ptr<const SystemRoots> ReadSystemRoots();

}  // namespace spillway
