// TLS towards a server, over any stream: a socket, a proxy's tunnel, another TlsStream.
//
// What it is: an OpenSSL SSL object between us and the stream below, with certificate, name, pins
// and ALPN checked before the first byte of a request can be written.
// What it owns: the SSL object and the stream below.
// Thread safety: none; as ByteStream.
// Invariants: Read, Write and Quiet are asked only after Handshake said kOk. Read fills `into` as
// far as it can; ask again until it does not say kOk before waiting for the socket, since bytes or
// an end may already be in here, where no poll sees them. A renegotiation, more post-handshake
// messages than the budget, or a handshake longer than kMaxHandshakeBytes ends the stream (O-234 to
// O-236).

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/tls_facts.h"
#include "transport/connect/connect_plan.h"
#include "transport/io/byte_stream.h"
#include "transport/io/tls_context.h"
#include "transport/io/tls_peer_check.h"
#include "transport/io/tls_sessions.h"
#include "transport/io/tls_wire.h"

struct ssl_st;          // SSL
struct ssl_session_st;  // SSL_SESSION

namespace spillway {

class TlsStream final : public ByteStream, private TlsSessionSink {
 public:
  // What a server may send before the handshake is done; chains are well below OpenSSL's own limit.
  static constexpr std::size_t kMaxHandshakeBytes = std::size_t{256} * 1024;
  // Tickets and key updates: this many, and one more for each kBytesPerMessage received (O-236).
  static constexpr std::uint64_t kPostHandshakeMessages = 32;
  static constexpr std::uint64_t kBytesPerMessage = std::uint64_t{1024} * 1024;
  // Records without application data, in one call; endless empty ones would hold the loop.
  static constexpr std::size_t kFruitlessBytes = std::size_t{1024} * 1024;
  // Of one connection's tickets this many are kept for later (O-239).
  static constexpr int kTicketsKept = 4;

  // `sessions` outlives the stream; null: no resumption. `context` is that of step.profile.
  TlsStream(std::unique_ptr<ByteStream> below, std::shared_ptr<const TlsContext> context,
            const TlsStep& step, TlsSessionCache* sessions);
  ~TlsStream() override;

  // kOk when TLS stands and everything was checked; kWantRead and kWantWrite: call again; kError:
  // failure() is kTlsCertificateError, kTlsAlertReceived or kTlsProtocolError, or that of the
  // stream below. No other status.
  Status Handshake();

  // After Handshake said kOk.
  const TlsFacts& facts() const { return facts_; }
  std::string_view alpn() const { return alpn_; }  // "h2", "http/1.1"; "" when none was chosen

  Io Read(std::span<char> into) override;
  Io Write(std::span<const iovec> parts) override;
  bool Quiet() override;
  // An end that was met while there were still bytes to hand out.
  bool holds_bytes() const override { return read_end_.has_value(); }
  void Shutdown() override;  // close_notify, then the same below
  Failure failure() const override;

 private:
  enum class State : std::uint8_t { kHandshake, kOpen, kFailed };
  struct Ssl {
    void operator()(::ssl_st* ssl) const;
  };

  static void OnMessage(int sent, int version, int type, const void* bytes, std::size_t size,
                        ::ssl_st* ssl, void* self);

  static void OnExtension(::ssl_st* ssl, int client, int type, const unsigned char* bytes, int size,
                          void* self);

  void Prepare(const TlsStep& step);
  void OfferSession();
  void OnNewSession(::ssl_session_st* session) override;
  Status Finish();
  bool AlpnRefused() const;
  Status RefuseAlpn();
  void OnHandshakeMessage(std::uint8_t type);
  void Refuse(std::string_view why);
  Status Judge(int result);
  Status Fail(Failure failure);
  void WriteFailed(Status status);
  std::span<const char> NextPiece(std::span<const iovec> parts, std::size_t skip);

  std::unique_ptr<ByteStream> below_;
  const std::shared_ptr<const TlsContext> context_;
  TlsSessionCache* const sessions_;
  TlsWire wire_;
  std::unique_ptr<TlsPeerCheck> peer_;  // until the handshake is done
  std::unique_ptr<::ssl_st, Ssl> ssl_;
  std::string session_key_;
  TlsFacts facts_;
  std::string alpn_;  // what the server chose
  AlpnOffer offered_ = AlpnOffer::kNone;
  State state_ = State::kHandshake;
  std::optional<Status> read_end_;
  bool write_failed_ = false;
  bool session_offered_ = false;
  bool certificate_wanted_ = false;  // the server asked for ours
  int tickets_kept_ = 0;
  std::uint64_t messages_ = 0;  // after the handshake
  std::uint64_t received_ = 0;  // application bytes
  std::size_t pending_ = 0;     // bytes that OpenSSL has taken and not yet sent
  std::chrono::system_clock::time_point chain_not_after_{};
  std::optional<Failure> failure_;
};

}  // namespace spillway
