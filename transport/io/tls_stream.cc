// TlsStream: the handshake, what is checked after it, and sessions.

#include "transport/io/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <utility>

#include "transport/base/check.h"
#include "transport/io/clock.h"
#include "transport/io/tls_text.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxAlpnText = 32;

// The list as it goes on the wire: each name behind its length.
std::string_view AlpnWire(AlpnOffer offer) {
  switch (offer) {
    case AlpnOffer::kNone:
      return "";
    case AlpnOffer::kHttp1:
      return "\x08http/1.1";
    case AlpnOffer::kHttp2:
      return "\x02h2";
    case AlpnOffer::kBoth:
      return "\x02h2\x08http/1.1";
  }
  return "";
}

bool Offers(AlpnOffer offer, std::string_view protocol) {
  if (protocol == "h2") return offer == AlpnOffer::kHttp2 || offer == AlpnOffer::kBoth;
  if (protocol == "http/1.1") return offer == AlpnOffer::kHttp1 || offer == AlpnOffer::kBoth;
  return false;
}

// Whatever the caller's key leaves out, a session never crosses these (O-237). Lengths in front
// keep two different lists from reading alike.
std::string SessionKey(const TlsContext& context, const TlsStep& step) {
  std::string key = context.digest();
  for (const std::string* part : {&step.sni, &step.verify_name, &step.session_key}) {
    key += '|' + std::to_string(part->size()) + ':' + *part;
  }
  return key;
}

std::string Serialize(SSL_SESSION* session, std::size_t max) {
  const int size = i2d_SSL_SESSION(session, nullptr);
  if (size <= 0 || static_cast<std::size_t>(size) > max) return "";
  std::string der(static_cast<std::size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  return i2d_SSL_SESSION(session, &at) == size ? der : "";
}

using SessionPtr = std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)>;

SessionPtr Deserialize(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return {d2i_SSL_SESSION(nullptr, &at, static_cast<long>(der.size())), SSL_SESSION_free};
}

// The server's word on how long a session lives, counted from now.
Instant ExpiryOf(const SSL_SESSION* session, Instant now) {
  long seconds = SSL_SESSION_get_timeout(session);
  if (const unsigned long hint = SSL_SESSION_get_ticket_lifetime_hint(session); hint > 0) {
    seconds = std::min(seconds, static_cast<long>(std::min(hint, 604'800UL)));
  }
  return After(now, std::chrono::seconds(std::max(seconds, 0L)));
}

}  // namespace

void TlsStream::Ssl::operator()(SSL* ssl) const { SSL_free(ssl); }

TlsStream::TlsStream(std::unique_ptr<ByteStream> below, std::shared_ptr<const TlsContext> context,
                     const TlsStep& step, TlsSessionCache* sessions)
    : below_(std::move(below)),
      context_(std::move(context)),
      sessions_(context_->resumption() ? sessions : nullptr),
      offered_(step.alpn) {
  wire_.below = below_.get();
  wire_.fruitless_limit = kMaxHandshakeBytes;
  ERR_clear_error();
  Prepare(step);
}

TlsStream::~TlsStream() = default;

void TlsStream::Prepare(const TlsStep& step) {
  ssl_.reset(SSL_new(context_->native()));
  SSL* ssl = ssl_.get();
  BIO* bio = ssl == nullptr ? nullptr : NewTlsBio(&wire_);
  if (bio == nullptr) {
    Fail(Failure{.message = "no memory for a TLS connection"});
    return;
  }
  SSL_set_bio(ssl, bio, bio);
  SSL_set_connect_state(ssl);
  SSL_set_app_data(ssl, static_cast<TlsSessionSink*>(this));
  SSL_set_msg_callback(ssl, OnMessage);
  SSL_set_msg_callback_arg(ssl, this);
  SSL_set_tlsext_debug_callback(ssl, OnExtension);
  SSL_set_tlsext_debug_arg(ssl, this);
  peer_ = std::make_unique<TlsPeerCheck>();
  peer_->verify_name = step.verify_name;
  peer_->verify_kind = step.verify_kind;
  peer_->pins = &context_->pins();
  peer_->insecure = context_->insecure();
  const std::string_view alpn = AlpnWire(step.alpn);
  bool good = AttachPeerCheck(ssl, peer_.get());
  good = good && (step.sni.empty() || SSL_set_tlsext_host_name(ssl, step.sni.c_str()) == 1);
  good = good && SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()),
                                     static_cast<unsigned>(alpn.size())) == 0;
  if (!good) {
    Fail(Failure{.message = "the name to verify cannot be used in TLS"});
    return;
  }
  if (sessions_ == nullptr) return;
  session_key_ = SessionKey(*context_, step);
  OfferSession();
}

// --- Sessions ---

// A session that would not stand up to today's checks is not offered; the full handshake finds out.
void TlsStream::OfferSession() {
  const auto wall_now = std::chrono::system_clock::now();
  const std::optional<TlsSession> kept = sessions_->Take(session_key_, Now(), wall_now);
  if (!kept) return;
  const SessionPtr session = Deserialize(kept->der);
  if (session == nullptr) return;
  TlsPeerCheck check = *peer_;
  check.chain_not_after = kept->chain_not_after;
  CheckResumedPeer(SSL_SESSION_get0_peer(session.get()), check);
  if (!check.passed || SSL_set_session(ssl_.get(), session.get()) != 1) return;
  session_offered_ = true;
  chain_not_after_ = kept->chain_not_after;
}

void TlsStream::OnNewSession(SSL_SESSION* session) {
  // On TLS 1.2 this comes with the server's last message, before Finish: the certificate has been
  // judged by then, or the session is an old one.
  const bool passed = state_ == State::kOpen || (state_ == State::kHandshake && peer_->passed);
  if (!passed || sessions_ == nullptr || tickets_kept_ >= kTicketsKept) return;
  if (SSL_SESSION_is_resumable(session) != 1) return;
  TlsSession kept;
  kept.der = Serialize(session, TlsSessionLimits{}.session_bytes);
  if (kept.der.empty()) return;
  kept.single_use = SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
  kept.chain_not_after = state_ == State::kOpen ? chain_not_after_ : peer_->chain_not_after;
  const Instant now = Now();
  kept.expires = ExpiryOf(session, now);
  sessions_->Put(session_key_, std::move(kept), now);
  ++tickets_kept_;
}

// --- Handshake ---

ByteStream::Status TlsStream::Handshake() {
  if (state_ == State::kOpen) return Status::kOk;
  if (state_ == State::kFailed) return Status::kError;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return Finish();
  switch (const Status status = Judge(result); status) {
    case Status::kEnd:
    case Status::kTruncated:
      return Fail({Reason::kTlsProtocolError, Source::kTls, Phase::kTls, Delivery::kNotSent,
                   "the server closed the connection during the TLS handshake"});
    default:
      return status;
  }
}

ByteStream::Status TlsStream::Finish() {
  SSL* ssl = ssl_.get();
  facts_.resumed = SSL_session_reused(ssl) == 1;
  if (facts_.resumed) {
    peer_->chain_not_after = chain_not_after_;
    CheckResumedPeer(SSL_get0_peer_certificate(ssl), *peer_);
  }
  // Also when no certificate was sent, so that nothing was called to judge one.
  if (!peer_->passed) return Fail(CertificateFailure(*peer_));
  const unsigned char* chosen = nullptr;
  unsigned chosen_size = 0;
  SSL_get0_alpn_selected(ssl, &chosen, &chosen_size);
  alpn_.assign(chosen, chosen + chosen_size);
  if (AlpnRefused()) return RefuseAlpn();
  chain_not_after_ = peer_->chain_not_after;
  facts_.version = SSL_get_version(ssl);
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl)) {
    facts_.cipher = SSL_CIPHER_standard_name(cipher);
  }
  // What was sent beside the leaf has done its work; parsed it is most of an idle connection.
  STACK_OF(X509)* sent = SSL_get_peer_cert_chain(ssl);
  while (sk_X509_num(sent) > 1) X509_free(sk_X509_pop(sent));
  AttachPeerCheck(ssl, nullptr);
  peer_.reset();
  wire_.fruitless = 0;
  wire_.fruitless_limit = kFruitlessBytes;
  state_ = State::kOpen;
  return Status::kOk;
}

// Some OpenSSL refuse a protocol that was not offered, without saying so, and some do not (O-229).
void TlsStream::OnExtension(SSL*, int, int type, const unsigned char* bytes, int size, void* self) {
  constexpr std::ptrdiff_t kLengths = 3;  // of the list, of its only name
  if (type != TLSEXT_TYPE_application_layer_protocol_negotiation || size <= kLengths) return;
  auto* stream = static_cast<TlsStream*>(self);
  if (stream->state_ == State::kHandshake) stream->alpn_.assign(bytes + kLengths, bytes + size);
}

bool TlsStream::AlpnRefused() const { return !alpn_.empty() && !Offers(offered_, alpn_); }

ByteStream::Status TlsStream::RefuseAlpn() {
  return Fail({Reason::kTlsProtocolError, Source::kTls, Phase::kTls, Delivery::kNotSent,
               "the server chose an ALPN protocol that was not offered: \"" +
                   EscapeForError(alpn_, kMaxAlpnText) + "\""});
}

// --- What the peer sends beside application data ---

void TlsStream::OnMessage(int sent, int, int type, const void* bytes, std::size_t size, SSL*,
                          void* self) {
  if (sent != 0 || type != SSL3_RT_HANDSHAKE || size == 0) return;
  static_cast<TlsStream*>(self)->OnHandshakeMessage(*static_cast<const std::uint8_t*>(bytes));
}

void TlsStream::OnHandshakeMessage(std::uint8_t type) {
  if (state_ != State::kOpen) {
    certificate_wanted_ |= type == SSL3_MT_CERTIFICATE_REQUEST;
  } else if (type == SSL3_MT_HELLO_REQUEST) {
    Refuse("the server asked to renegotiate");
  } else if (++messages_ > kPostHandshakeMessages + received_ / kBytesPerMessage) {
    Refuse("the server sent too many tickets or key updates");
  }
}

// OpenSSL is in the middle of its work; it ends when it wants more bytes.
void TlsStream::Refuse(std::string_view why) {
  if (wire_.refused) return;
  wire_.refused = true;
  failure_ = Failure{Reason::kTlsProtocolError, Source::kTls, Phase::kNone, Delivery::kUnknown,
                     std::string(why)};
}

}  // namespace spillway
