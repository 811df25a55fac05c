// The TLS half of a scripted origin: one handshake as a server, then bytes inside.
//
// What it is: TlsTurn is what a script's `tls` line says; TlsServer plays it over a Peer with
// OpenSSL, and tells what the client offered. TlsKeys holds what connections of one origin share:
// certificates by name, and the key of session tickets, so that sessions resume across connections
// and across origins that were given the same key.
// What it owns: the SSL object of a connection; TlsKeys owns nothing but values.
// Thread safety: TlsServer none, one thread plays one connection; TlsKeys is constant.
// Errors: a failed handshake is told by `error`; afterwards Receive says the peer is gone.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/origin/peer.h"
#include "tests/origin/script.h"
#include "tests/origin/seen.h"

namespace spillway {

struct TlsIdentity {
  std::string certificate_pem;  // leaf first
  std::string key_pem;
};

struct TlsKeys {
  std::map<std::string, TlsIdentity> identities;       // by the names that scripts use
  std::map<std::string, std::string> authorities_pem;  // for client certificates
  std::string ticket_key;  // 80 bytes; "": each context draws its own, so nothing resumes
};

struct TlsTurn {
  std::string identity = "origin";
  std::map<std::string, std::string> by_name;  // server name -> identity
  int min_version = 0;                         // OpenSSL's TLS1_2_VERSION ...; 0: its own choice
  int max_version = 0;
  std::string ciphers;
  std::vector<std::string> alpn;  // the first that the client offers too; none: no ALPN
  std::string alpn_anyway;        // answered whatever was offered
  std::string client_authority;   // asks for a certificate and insists on it
  bool client_optional = false;   // ... or goes on without
  int tickets = 2;
  bool resume = true;
  std::size_t cut = 0;     // sends this many bytes of its flights and no more; 0: all
  bool each_byte = false;  // sends its flights byte by byte
};

// Of a script's `tls` line; a slip in it ends the program.
TlsTurn TlsStepOf(const Step& step);

class TlsServer {
 public:
  TlsServer(Peer& peer, const TlsKeys& keys, const TlsTurn& step);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // True when it finished. With `cut`: false once the bytes are out, the peer being left waiting.
  bool Handshake(SeenTls& seen);

  // As Peer's, of the bytes inside. kFin: close_notify; kReset: FIN without one, or an error.
  Peer::Got Receive(std::string& into, int wait_ms);
  bool Send(std::string_view bytes);
  bool SendCloseNotify();
  bool SendKeyUpdates(std::uint64_t count);
  bool SendTickets(std::uint64_t count);
  // TLS 1.2: asks for a new handshake.
  bool AskToRenegotiate();
  // Alerts that the client sent, such as "bad certificate".
  const std::string& alert() const { return alert_; }
  const std::string& error() const { return error_; }

 private:
  struct State;
  bool Flush();
  // One more read of ciphertext; false when the peer is gone.
  Peer::Got Feed(int wait_ms);
  void TellSeen(SeenTls& seen) const;

  Peer& peer_;
  const TlsTurn step_;
  std::unique_ptr<State> state_;
  std::size_t sent_ = 0;
  std::string alert_;
  std::string error_;
  bool handshaking_ = true;
};

}  // namespace spillway
