// The bytes of one connection as a script sees them: in clear text, or inside TLS once it began.
//
// Thread safety: none; one thread plays one connection.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tests/origin/peer.h"
#include "tests/origin/tls_server.h"

namespace spillway {

class Wire {
 public:
  explicit Wire(Peer& peer) : peer_(peer) {}

  Peer& peer() { return peer_; }
  // The TLS in use; null before it began.
  TlsServer* tls() { return tls_.get(); }
  // False: it did not finish, see `seen`.
  bool Secure(const TlsKeys& keys, const TlsTurn& step, SeenTls& seen) {
    tls_ = std::make_unique<TlsServer>(peer_, keys, step);
    return tls_->Handshake(seen);
  }
  Peer::Got Receive(std::string& into, int wait_ms = -1) {
    return tls_ != nullptr ? tls_->Receive(into, wait_ms) : peer_.Receive(into, wait_ms);
  }
  bool Send(std::string_view bytes, bool urgent = false) {
    return tls_ != nullptr ? tls_->Send(bytes) : peer_.Send(bytes, urgent);
  }

 private:
  Peer& peer_;
  std::unique_ptr<TlsServer> tls_;
};

}  // namespace spillway
