// TlsStream: bytes, ends and failures.

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "transport/base/check.h"
#include "transport/io/tls_stream.h"
#include "transport/io/tls_text.h"

namespace spillway {
namespace {

constexpr std::size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;
// Of one call, so that other connections of the loop get their turn.
constexpr std::size_t kMaxWriteBytes = 8 * kRecordBytes;

using Status = ByteStream::Status;

// Joined parts; one for each thread, since its bytes are needed only while OpenSSL encrypts them.
std::span<char> Scratch() {
  thread_local std::array<char, kRecordBytes> scratch;
  return scratch;
}

std::string_view BytesOf(const iovec& part) {
  return {static_cast<const char*>(part.iov_base), part.iov_len};
}

std::string AlertText(int alert, bool wanted, bool have) {
  std::string text = "the server ended TLS with the alert \"" + AlertName(alert) + "\"";
  if (wanted && !have) text += "; it asked for a client certificate and the profile has none";
  if (wanted && have) text += "; it had asked for our client certificate";
  return text;
}

// SSL_MODE_RELEASE_BUFFERS leaves the 16 KiB of the last write behind. Before 3.0.14 freeing them
// here could free what was still needed (CVE-2024-4741).
void FreeIdleBuffers(SSL* ssl) {
  static const bool safe = OpenSSL_version_num() >= 0x300000e0L;
  if (safe) SSL_free_buffers(ssl);
}

Failure TlsProblem(Reason reason, std::string message) {
  return {reason, Source::kTls, Phase::kNone, Delivery::kUnknown, std::move(message)};
}

}  // namespace

// --- Reading ---

ByteStream::Io TlsStream::Read(std::span<char> into) {
  SPILLWAY_CHECK_NOTE(state_ != State::kHandshake && !into.empty(), "after Handshake");
  if (state_ == State::kFailed) return {Status::kError};
  if (read_end_) return {*read_end_};
  std::size_t total = 0;
  wire_.fruitless = 0;
  while (total < into.size()) {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &got);
    if (result == 1) {
      total += got;
      received_ += got;
      wire_.fruitless = 0;
      continue;
    }
    const Status status = Judge(result);
    if (status == Status::kWantRead || status == Status::kWantWrite) {
      FreeIdleBuffers(ssl_.get());
      return total > 0 ? Io{Status::kOk, total} : Io{status};
    }
    read_end_ = status;
    break;
  }
  return total > 0 ? Io{Status::kOk, total} : Io{*read_end_};
}

bool TlsStream::Quiet() {
  if (state_ != State::kOpen || read_end_) return false;
  if (SSL_has_pending(ssl_.get()) == 0 && below_->Quiet()) return true;
  // Tickets and key updates are digested; anything else stays for Read, or is an end.
  ERR_clear_error();
  wire_.fruitless = 0;
  char byte = 0;
  std::size_t seen = 0;
  const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &seen);
  if (result == 1) return false;
  const Status status = Judge(result);
  if (status == Status::kWantRead) return SSL_has_pending(ssl_.get()) == 0;
  if (status != Status::kWantWrite) read_end_ = status;
  return false;
}

// --- Writing ---

// The first bytes behind `skip`, at most a record: a large part as it is, small ones joined.
std::span<const char> TlsStream::NextPiece(std::span<const iovec> parts, std::size_t skip) {
  while (!parts.empty() && skip >= parts.front().iov_len) {
    skip -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (parts.empty()) return {};
  const std::string_view first = BytesOf(parts.front()).substr(skip);
  const bool last = parts.size() == 1;
  if ((last || first.size() >= kRecordBytes) && first.size() >= pending_) {
    return first.substr(0, kRecordBytes);
  }
  const std::span<char> scratch = Scratch();
  std::size_t size = 0;
  for (const iovec& part : parts) {
    const std::string_view bytes = BytesOf(part).substr(skip).substr(0, scratch.size() - size);
    skip = 0;
    if (!bytes.empty()) std::memcpy(scratch.data() + size, bytes.data(), bytes.size());
    size += bytes.size();
  }
  return scratch.first(size);
}

ByteStream::Io TlsStream::Write(std::span<const iovec> parts) {
  SPILLWAY_CHECK_NOTE(state_ != State::kHandshake, "after Handshake");
  if (write_failed_ || state_ == State::kFailed) return {Status::kError};
  std::size_t total = 0;
  while (total < kMaxWriteBytes) {
    const std::span<const char> piece = NextPiece(parts, total);
    if (piece.empty()) break;
    SPILLWAY_CHECK_NOTE(piece.size() >= pending_, "a write is repeated with the same bytes");
    ERR_clear_error();
    std::size_t written = 0;
    const int result = SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &written);
    if (result == 1) {
      total += written;
      pending_ = 0;
      continue;
    }
    const Status status = Judge(result);
    if (status == Status::kWantRead || status == Status::kWantWrite) {
      pending_ = piece.size();
      return total > 0 ? Io{Status::kOk, total} : Io{status};
    }
    WriteFailed(status);
    return total > 0 ? Io{Status::kOk, total} : Io{Status::kError};
  }
  SPILLWAY_CHECK_NOTE(total > 0, "a write has at least one byte");
  FreeIdleBuffers(ssl_.get());
  return {Status::kOk, total};
}

// A server that refuses our certificate on TLS 1.3 sends an alert and closes; whoever writes first
// would hear of a reset alone (O-242).
void TlsStream::WriteFailed(Status status) {
  write_failed_ = true;
  if (status != Status::kError) {
    failure_ = TlsProblem(Reason::kConnectionTerminated, "the stream below ended");
  }
  if (read_end_ || failure_->source == Source::kTls) return;
  const Failure of_write = *failure_;
  ERR_clear_error();
  wire_.fruitless = 0;
  char byte = 0;
  std::size_t seen = 0;
  const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &seen);
  if (result == 1) return;
  const Status read = Judge(result);
  if (read != Status::kWantRead && read != Status::kWantWrite) read_end_ = read;
  if (failure_->reason != Reason::kTlsAlertReceived) failure_ = of_write;
}

void TlsStream::Shutdown() {
  if (state_ == State::kOpen && !write_failed_ && !wire_.refused) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  below_->Shutdown();
}

// --- Judging ---

// What OpenSSL's refusal to go on means, and failure_ when it is a failure.
ByteStream::Status TlsStream::Judge(int result) {
  const int kind = SSL_get_error(ssl_.get(), result);
  if (wire_.flooded) {
    Refuse(state_ == State::kHandshake ? "the server's handshake is longer than 256 KiB"
                                       : "the server sent records without end or content");
  }
  if (wire_.refused) return Fail(Failure(*failure_));
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
    return wire_.status == Status::kWantWrite ? Status::kWantWrite : Status::kWantRead;
  }
  if (kind == SSL_ERROR_ZERO_RETURN) return Status::kEnd;
  const TlsError error = LastTlsError();
  const bool handshaking = state_ == State::kHandshake;
  const std::string_view first = wire_.FirstBytes();
  if (handshaking && first.starts_with("HTTP/")) {
    return Fail(TlsProblem(Reason::kTlsProtocolError,
                           "the server answered in plain HTTP: this port does not speak TLS"));
  }
  if (handshaking && peer_ != nullptr && !peer_->refusal.empty()) {
    return Fail(CertificateFailure(*peer_));
  }
  if (error.alert) {
    return Fail(TlsProblem(Reason::kTlsAlertReceived, AlertText(*error.alert, certificate_wanted_,
                                                                context_->has_certificate())));
  }
  if (handshaking && AlpnRefused()) return RefuseAlpn();
  if (!error.text.empty()) {
    return Fail(TlsProblem(Reason::kTlsProtocolError, "TLS failed: " + error.text));
  }
  if (wire_.status == Status::kError) return Fail(below_->failure());
  const bool ended = wire_.status == Status::kEnd || wire_.status == Status::kTruncated;
  if (ended) return Status::kTruncated;
  return Fail(TlsProblem(Reason::kTlsProtocolError, "TLS failed for no stated reason"));
}

ByteStream::Status TlsStream::Fail(Failure failure) {
  if (state_ == State::kHandshake) {
    failure.phase = Phase::kTls;
    failure.delivery = Delivery::kNotSent;
    if (failure.source != Source::kTls) {
      failure.message = "during the TLS handshake: " + failure.message;
    }
    if (session_offered_ && failure.source == Source::kTls) sessions_->Forget(session_key_);
    state_ = State::kFailed;
  }
  failure_ = std::move(failure);
  return Status::kError;
}

Failure TlsStream::failure() const { return failure_.value_or(Failure{}); }

}  // namespace spillway
