// Whether a server's certificate is one that the profile and the name ask for.
//
// What it is: the chain as OpenSSL verifies it, then the name by tls_name_check.h, then pins. The
// same once more for a resumed session, whose certificate was checked long ago (O-240).
// Thread safety: none; one handshake's.
// Invariants: `passed` only after every check that applies; `refusal` and `subject` are set
// otherwise and hold no bytes of the certificate but the escaped subject.

#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "transport/base/failure.h"
#include "transport/base/tls_profile.h"
#include "transport/base/url.h"

struct ssl_st;
struct ssl_ctx_st;
struct x509_st;

namespace spillway {

struct TlsPeerCheck {
  std::string verify_name;
  HostKind verify_kind = HostKind::kName;
  const std::vector<SpkiPin>* pins = nullptr;
  bool insecure = false;

  bool passed = false;
  std::string refusal;  // the check that failed: "hostname mismatch"
  std::string subject;  // of the certificate at fault, escaped
  // The first certificate of the verified chain to expire.
  std::chrono::system_clock::time_point chain_not_after =
      std::chrono::system_clock::time_point::max();
};

// Makes handshakes of the context use the check attached to them.
void InstallPeerCheck(::ssl_ctx_st* context);
// For the handshake of `ssl`; `check` outlives it. False for want of memory, or a name that cannot
// be checked.
bool AttachPeerCheck(::ssl_st* ssl, TlsPeerCheck* check);
// The certificate of a resumed session against name and clock.
void CheckResumedPeer(const ::x509_st* certificate, TlsPeerCheck& check);

// kTlsCertificateError with the failed check and the subject; never more.
Failure CertificateFailure(const TlsPeerCheck& check);

}  // namespace spillway
