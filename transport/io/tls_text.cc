#include "transport/io/tls_text.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>
#include <string_view>

#include "transport/base/failure.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxSubject = 120;

// RFC 8446 6 and the registry; OpenSSL knows names of the older half alone.
std::string_view NameOf(int alert) {
  switch (alert) {
    case 109:
      return "missing extension";
    case 116:
      return "certificate required";
    case 120:
      return "no application protocol";
    default:
      return SSL_alert_desc_string_long(alert);
  }
}

}  // namespace

std::string SubjectOf(const X509* certificate) {
  if (certificate == nullptr) return "";
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  if (out == nullptr) return "";
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return EscapeForError({text, static_cast<std::size_t>(size)}, kMaxSubject);
}

std::chrono::system_clock::time_point NotAfterOf(const X509* certificate) {
  using Clock = std::chrono::system_clock;
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return {};
  const std::time_t seconds = ::timegm(&parts);
  // The clock counts nanoseconds and ends in 2262; certificates may not end before 9999.
  if (seconds >= Clock::to_time_t(Clock::time_point::max())) return Clock::time_point::max();
  return Clock::from_time_t(seconds);
}

TlsError LastTlsError() {
  TlsError error;
  while (const unsigned long code = ERR_get_error()) {
    const int reason = ERR_GET_REASON(code);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET) {
      error.alert = reason - SSL_AD_REASON_OFFSET;
    }
    if (!error.text.empty()) continue;
    const char* text = ERR_reason_error_string(code);
    error.text = text != nullptr ? text : "unknown error";
  }
  return error;
}

std::string AlertName(int alert) {
  return std::string(NameOf(alert)) + " (" + std::to_string(alert) + ")";
}

}  // namespace spillway
