#include "tests/origin/tls_server.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

#include "tests/origin/text.h"

namespace spillway {
namespace {

constexpr std::size_t kTicketKeyBytes = 80;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;

Bio ReadOnly(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string LastError() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "tls failed" : reason;
}

bool UseIdentity(SSL_CTX* context, const TlsIdentity& identity) {
  const Bio certificates = ReadOnly(identity.certificate_pem);
  const Certificate leaf(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr));
  const Bio keys = ReadOnly(identity.key_pem);
  const Key key(PEM_read_bio_PrivateKey(keys.get(), nullptr, nullptr, nullptr));
  // Anything a hostile origin may show is allowed here: weak keys, the wrong names, no issuer.
  if (!leaf || !key || SSL_CTX_use_certificate(context, leaf.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return false;
  }
  while (X509* next = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add0_chain_cert(context, next) != 1) {
      X509_free(next);
      return false;
    }
  }
  ERR_clear_error();
  return true;
}

bool AskForClient(SSL_CTX* context, const std::string& authority_pem, bool optional) {
  const Bio text = ReadOnly(authority_pem);
  const Certificate authority(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
  if (!authority) return false;
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
  SSL_CTX_add_client_CA(context, authority.get());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT),
                     nullptr);
  return true;
}

int VersionOf(const std::string& text) {
  if (text.empty()) return 0;
  if (text == "1.0") return TLS1_VERSION;
  if (text == "1.1") return TLS1_1_VERSION;
  if (text == "1.2") return TLS1_2_VERSION;
  if (text == "1.3") return TLS1_3_VERSION;
  std::abort();
}

std::uint64_t NumberIn(const Step& step, std::string_view key, std::uint64_t otherwise) {
  return step.Has(key) ? ReadNumber(step.Argument(key)).value() : otherwise;
}

}  // namespace

TlsTurn TlsStepOf(const Step& step) {
  TlsTurn tls;
  if (step.Has("cert")) tls.identity = step.Argument("cert");
  tls.min_version = VersionOf(step.Argument("min"));
  tls.max_version = VersionOf(step.Argument("max"));
  tls.ciphers = step.Argument("ciphers");
  tls.alpn_anyway = step.Argument("alpn_anyway");
  tls.client_authority = step.Argument("client_ca");
  tls.client_optional = step.Has("client_optional");
  tls.tickets = static_cast<int>(NumberIn(step, "tickets", 2));
  tls.resume = !step.Has("no_resume");
  tls.cut = static_cast<std::size_t>(NumberIn(step, "cut", 0));
  tls.each_byte = step.Has("each");
  std::istringstream alpn(step.Argument("alpn"));
  for (std::string one; std::getline(alpn, one, ',');) tls.alpn.push_back(one);
  for (const auto& [key, value] : step.arguments) {
    const std::size_t colon = value.find(':');
    if (key == "name" && colon != std::string::npos) {
      tls.by_name[value.substr(0, colon)] = value.substr(colon + 1);
    }
  }
  return tls;
}

struct TlsServer::State {
  const TlsKeys* keys = nullptr;
  const TlsTurn* step = nullptr;
  std::vector<Context> contexts;  // the first is the default, the others are for names
  std::unique_ptr<SSL, Freer<SSL_free>> ssl;
  BIO* in = nullptr;   // owned by ssl
  BIO* out = nullptr;  // owned by ssl
  std::string server_name;
  std::vector<std::string> offered;
  std::string alert;

  SSL_CTX* ContextFor(const std::string& identity);
  static int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                            const unsigned char* offer, unsigned offer_size, void* self);
  static int HearName(SSL* ssl, int*, void* self);
  static void HearAlert(const SSL* ssl, int where, int code);
};

int TlsServer::State::ChooseProtocol(SSL* /*ssl*/, const unsigned char** out,
                                     unsigned char* out_size, const unsigned char* offer,
                                     unsigned offer_size, void* self) {
  auto& state = *static_cast<State*>(self);
  state.offered.clear();
  for (unsigned at = 0; at < offer_size && at + 1U + offer[at] <= offer_size;
       at += 1U + offer[at]) {
    state.offered.emplace_back(reinterpret_cast<const char*>(offer + at + 1), offer[at]);
  }
  const auto answer = [&](const std::string& protocol) {
    *out = reinterpret_cast<const unsigned char*>(protocol.data());
    *out_size = static_cast<unsigned char>(protocol.size());
    return SSL_TLSEXT_ERR_OK;
  };
  if (!state.step->alpn_anyway.empty()) return answer(state.step->alpn_anyway);
  for (const std::string& ours : state.step->alpn) {
    if (std::find(state.offered.begin(), state.offered.end(), ours) != state.offered.end()) {
      return answer(ours);
    }
  }
  return SSL_TLSEXT_ERR_NOACK;
}

int TlsServer::State::HearName(SSL* ssl, int* /*alert*/, void* self) {
  auto& state = *static_cast<State*>(self);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  state.server_name = name == nullptr ? "" : name;
  const auto own = state.step->by_name.find(state.server_name);
  if (own != state.step->by_name.end()) {
    SSL_CTX* context = state.ContextFor(own->second);
    if (context == nullptr) return SSL_TLSEXT_ERR_ALERT_FATAL;
    SSL_set_SSL_CTX(ssl, context);
  }
  return name == nullptr ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK;
}

void TlsServer::State::HearAlert(const SSL* ssl, int where, int code) {
  if ((where & SSL_CB_ALERT) == 0 || (where & SSL_CB_READ) == 0) return;
  auto& state = *static_cast<State*>(SSL_get_app_data(ssl));
  const std::string text = SSL_alert_desc_string_long(code);
  if (text != "close notify") state.alert = text;
}

SSL_CTX* TlsServer::State::ContextFor(const std::string& identity) {
  const auto found = keys->identities.find(identity);
  if (found == keys->identities.end()) return nullptr;
  contexts.emplace_back(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = contexts.back().get();
  SSL_CTX_set_security_level(context, 0);
  if (!UseIdentity(context, found->second)) return nullptr;
  SSL_CTX_set_min_proto_version(context, step->min_version);
  SSL_CTX_set_max_proto_version(context, step->max_version);
  if (!step->ciphers.empty() && SSL_CTX_set_cipher_list(context, step->ciphers.c_str()) != 1) {
    return nullptr;
  }
  SSL_CTX_set_num_tickets(context, static_cast<std::size_t>(std::max(step->tickets, 0)));
  SSL_CTX_set_options(context, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (step->tickets == 0) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  // One id for all: what a session may be used for is the client's business here.
  constexpr std::string_view kId = "scripted";
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kId.data()),
                                 static_cast<unsigned>(kId.size()));
  if (step->resume && keys->ticket_key.size() == kTicketKeyBytes) {
    std::string key = keys->ticket_key;
    SSL_CTX_set_tlsext_ticket_keys(context, key.data(), static_cast<long>(key.size()));
  }
  SSL_CTX_set_alpn_select_cb(context, ChooseProtocol, this);
  SSL_CTX_set_tlsext_servername_callback(context, HearName);
  SSL_CTX_set_tlsext_servername_arg(context, this);
  if (!step->client_authority.empty()) {
    const auto authority = keys->authorities_pem.find(step->client_authority);
    if (authority == keys->authorities_pem.end() ||
        !AskForClient(context, authority->second, step->client_optional)) {
      return nullptr;
    }
  }
  return context;
}

TlsServer::TlsServer(Peer& peer, const TlsKeys& keys, const TlsTurn& step)
    : peer_(peer), step_(step), state_(std::make_unique<State>()) {
  ERR_clear_error();
  state_->keys = &keys;
  state_->step = &step_;
  SSL_CTX* context = state_->ContextFor(step_.identity);
  if (context == nullptr) {
    error_ = "the origin cannot use its identity " + step_.identity + ": " + LastError();
    return;
  }
  state_->ssl.reset(SSL_new(context));
  state_->in = BIO_new(BIO_s_mem());
  state_->out = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(state_->in, -1);
  SSL_set_bio(state_->ssl.get(), state_->in, state_->out);
  SSL_set_accept_state(state_->ssl.get());
  SSL_set_app_data(state_->ssl.get(), state_.get());
  SSL_set_info_callback(state_->ssl.get(), State::HearAlert);
}

TlsServer::~TlsServer() = default;

bool TlsServer::Flush() {
  constexpr std::size_t kPause = 32;  // bytes that may be read together
  std::array<char, 16 * 1024> buffer{};
  for (;;) {
    const int n = BIO_read(state_->out, buffer.data(), static_cast<int>(buffer.size()));
    if (n <= 0) return true;
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    if (step_.cut > 0) bytes = bytes.substr(0, step_.cut - std::min(step_.cut, sent_));
    sent_ += bytes.size();
    if (!step_.each_byte || !handshaking_) {
      if (!peer_.Send(bytes)) return false;
      continue;
    }
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (!peer_.Send(bytes.substr(i, 1))) return false;
      if (i % kPause == 0 && !peer_.AwaitTaken()) return false;
    }
  }
}

Peer::Got TlsServer::Feed(int wait_ms) {
  std::string bytes;
  const Peer::Got got = peer_.Receive(bytes, wait_ms);
  if (got == Peer::Got::kBytes) {
    BIO_write(state_->in, bytes.data(), static_cast<int>(bytes.size()));
  }
  return got;
}

void TlsServer::TellSeen(SeenTls& seen) const {
  SSL* ssl = state_->ssl.get();
  seen.hello = true;
  seen.server_name = state_->server_name;
  seen.offered = state_->offered;
  seen.version = SSL_get_version(ssl);
  seen.cipher = SSL_get_cipher_name(ssl);
  seen.resumed = SSL_session_reused(ssl) == 1;
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &chosen, &size);
  seen.alpn.assign(reinterpret_cast<const char*>(chosen), chosen == nullptr ? 0 : size);
  const Certificate theirs(SSL_get1_peer_certificate(ssl));
  if (!theirs) return;
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(theirs.get()), NID_commonName, name.data(),
                            name.size());
  seen.client = name.data();
}

bool TlsServer::Handshake(SeenTls& seen) {
  if (state_->ssl == nullptr) {
    seen.error = error_;
    return false;
  }
  for (;;) {
    ERR_clear_error();
    const int done = SSL_do_handshake(state_->ssl.get());
    const int why = SSL_get_error(state_->ssl.get(), done);
    const std::string reason = done == 1 ? "" : LastError();
    const bool sent = Flush();
    if (done == 1) {
      handshaking_ = false;
      TellSeen(seen);
      seen.finished = true;
      return step_.cut == 0;
    }
    if (step_.cut > 0 && sent_ >= step_.cut) {
      TellSeen(seen);
      return false;
    }
    if (!sent || why != SSL_ERROR_WANT_READ) {
      error_ = why == SSL_ERROR_WANT_READ ? "the peer is gone" : reason;
      break;
    }
    if (Feed(-1) != Peer::Got::kBytes) {
      error_ = "the peer left during the handshake";
      break;
    }
  }
  TellSeen(seen);
  seen.alert = state_->alert;
  seen.error = error_;
  return false;
}

Peer::Got TlsServer::Receive(std::string& into, int wait_ms) {
  std::array<char, 16 * 1024> buffer{};
  for (;;) {
    ERR_clear_error();
    const int n = SSL_read(state_->ssl.get(), buffer.data(), static_cast<int>(buffer.size()));
    const int why = SSL_get_error(state_->ssl.get(), n);
    alert_ = state_->alert;
    Flush();
    if (n > 0) {
      into.append(buffer.data(), static_cast<std::size_t>(n));
      return Peer::Got::kBytes;
    }
    if (why == SSL_ERROR_ZERO_RETURN) return Peer::Got::kFin;
    if (why != SSL_ERROR_WANT_READ) {
      error_ = LastError();
      return Peer::Got::kReset;
    }
    const Peer::Got got = Feed(wait_ms);
    if (got == Peer::Got::kFin) return Peer::Got::kReset;
    if (got != Peer::Got::kBytes) return got;
  }
}

bool TlsServer::Send(std::string_view bytes) {
  constexpr std::size_t kRecord = 16 * 1024;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kRecord);
    ERR_clear_error();
    if (SSL_write(state_->ssl.get(), part.data(), static_cast<int>(part.size())) <= 0 || !Flush()) {
      return false;
    }
    bytes.remove_prefix(part.size());
  }
  return true;
}

bool TlsServer::SendCloseNotify() {
  SSL_shutdown(state_->ssl.get());
  return Flush();
}

bool TlsServer::SendKeyUpdates(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    if (SSL_key_update(state_->ssl.get(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
        SSL_do_handshake(state_->ssl.get()) != 1 || !Flush()) {
      return false;
    }
  }
  return true;
}

bool TlsServer::SendTickets(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    if (SSL_new_session_ticket(state_->ssl.get()) != 1 ||
        SSL_do_handshake(state_->ssl.get()) != 1 || !Flush()) {
      return false;
    }
  }
  return true;
}

bool TlsServer::AskToRenegotiate() {
  if (SSL_renegotiate(state_->ssl.get()) != 1) return false;
  SSL_do_handshake(state_->ssl.get());
  return Flush();
}

}  // namespace spillway
