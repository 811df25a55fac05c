// What OpenSSL says, as text for people: certificates, errors, alerts.
//
// Thread safety: pure functions, but for LastTlsError, which reads this thread's error queue.
// Invariants: bytes that a peer chose are escaped and cut (O-248).

#pragma once

#include <chrono>
#include <optional>
#include <string>

struct x509_st;  // X509

namespace spillway {

// "CN=example.com,O=Example"; at most 120 bytes.
std::string SubjectOf(const ::x509_st* certificate);

std::chrono::system_clock::time_point NotAfterOf(const ::x509_st* certificate);

// Empties the queue.
struct TlsError {
  std::optional<int> alert;  // that the peer sent
  std::string text;          // of the first error: it is the cause; "" for none
};
TlsError LastTlsError();

// "bad certificate (42)"
std::string AlertName(int alert);

}  // namespace spillway
