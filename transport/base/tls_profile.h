// How one peer is spoken to in TLS: whom to trust, who we are, which versions and lists.
//
// What it is: the content of a profile of the configuration file, with every file already read, so
// that two profiles with equal bytes are equal whatever their names and paths (KG9, O-245). The
// digests are what pool keys and context caches compare.
// Thread safety: a plain value; shared as an immutable one.
// Invariants once sealed (SealTlsProfile in transport/io/tls_profile_check.h): PEM texts parse, the
// key fits the certificate, the lists are known to OpenSSL, insecure has neither pins nor roots,
// digests are those of the contents. `key_pem` is a secret: never printed, logged or put in a key.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace spillway {

enum class TlsVersion : std::uint8_t { kTls12, kTls13 };

using SpkiPin = std::array<std::uint8_t, 32>;  // SHA-256 of a SubjectPublicKeyInfo

struct TlsProfile {
  std::string name;          // of the configuration's entry; "" for the built-in default
  bool system_roots = true;  // trust the system's store, beside roots_pem
  std::string roots_pem;     // further roots, concatenated; with system_roots false the only ones
  std::string certificate_pem;  // ours, leaf first, then intermediates; "" when we have none
  std::string key_pem;
  std::string sni;          // sent instead of the URL's host; "" for that
  std::string verify_name;  // checked instead of the URL's host; "" for that
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::string ciphers;        // TLS 1.2, OpenSSL's syntax; "" for the default
  std::string cipher_suites;  // TLS 1.3
  std::string groups;         // key exchange
  std::vector<SpkiPin> pins;  // one of the chain must have one of these; empty: any
  bool resumption = true;
  bool insecure = false;  // verifies nothing

  // Filled by SealTlsProfile: lower-case hex of SHA-256, "" for nothing.
  std::string roots_digest;
  std::string certificate_digest;
  std::string key_digest;
  std::string digest;  // of everything but `name`: equal digests, equal TLS
};

using TlsProfilePtr = std::shared_ptr<const TlsProfile>;

}  // namespace spillway
