// What all TLS connections of one profile share: trusted roots, our certificate, versions, lists.
//
// What it is: an OpenSSL SSL_CTX made from a sealed profile. It keeps no reference to the profile,
// so that whether a profile is still in use can be told from outside (TlsContexts).
// Thread safety: immutable once made; any thread.
// Invariants: TLS 1.2 at least, security level 2, no renegotiation, no compression, no early data,
// no internal session cache; unless insecure, a chain that does not verify ends the handshake.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transport/base/failure.h"
#include "transport/base/tls_profile.h"

struct ssl_ctx_st;  // SSL_CTX

struct ssl_session_st;  // SSL_SESSION

namespace spillway {

// Hears of sessions that its SSL object may resume later; SSL_set_app_data of each stream.
class TlsSessionSink {
 public:
  virtual void OnNewSession(::ssl_session_st* session) = 0;

 protected:
  ~TlsSessionSink() = default;
};

class TlsContext {
 public:
  // Errors: BadRequest naming the profile's member, as SealTlsProfile; none for a sealed profile,
  // but for want of memory.
  static Result<std::shared_ptr<const TlsContext>> Create(const TlsProfile& profile);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  ::ssl_ctx_st* native() const { return context_; }
  const std::string& digest() const { return digest_; }
  const std::vector<SpkiPin>& pins() const { return pins_; }
  bool has_certificate() const { return has_certificate_; }
  bool resumption() const { return resumption_; }
  bool insecure() const { return insecure_; }

 private:
  explicit TlsContext(const TlsProfile& profile);

  ::ssl_ctx_st* context_ = nullptr;
  const std::string digest_;
  const std::vector<SpkiPin> pins_;
  const bool has_certificate_;
  const bool resumption_;
  const bool insecure_;
};

}  // namespace spillway
