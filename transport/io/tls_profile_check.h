// Whether a TLS profile can be meant, and its digests.
//
// What it is: the one door through which a profile gets into a policy. Everything OpenSSL would
// refuse later, at a handshake, is refused here, when the configuration is read.
// Thread safety: pure functions but for reading the system's roots; any thread.
// Invariants: errors are BadRequest with `field` the member at fault and never show content.

#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "transport/base/failure.h"
#include "transport/base/tls_profile.h"

namespace spillway {

// Fills the digests of a profile that can be meant. Errors, by field: `roots` (no certificate in
// the text, garbage beside them, or no roots at all: KG13), `certificate`, `key` (absent, does not
// parse, locked by a passphrase, does not fit the certificate), `sni`, `verify_name`,
// `min_version`, `ciphers`, `cipher_suites`, `groups`, `pins`, `insecure` (with pins or roots).
Result<TlsProfilePtr> SealTlsProfile(TlsProfile draft);

// System roots, TLS 1.2 and later, nothing else: for destinations without a profile. Sealed once,
// with the roots of that moment.
const TlsProfilePtr& DefaultTlsProfile();
// The same with the roots of now: another profile when the system's bundle has changed.
TlsProfilePtr CurrentDefaultTlsProfile();

// One certificate that a profile carries, for warning before it expires.
struct CertificateFact {
  std::string subject;  // escaped, at most 120 bytes
  std::chrono::system_clock::time_point not_after;
};

// Of the client certificate and its intermediates, leaf first; empty without one.
std::vector<CertificateFact> ClientCertificateFacts(const TlsProfile& profile);
// Of roots_pem; the system's are not ours to watch.
std::vector<CertificateFact> RootCertificateFacts(const TlsProfile& profile);

}  // namespace spillway
