// The certificate, key and client CA of our own listeners: read from files, checked, replaced.
//
// What it is: what is in force is always a whole that fits together. Refresh reads the files again
// and takes them when they do; else everything stays as it was and stale() says so. Contents
// decide, never names or times, so symlinks turned over and half-written files are nothing special.
// What it owns: the contents in force, the key among them, which is never shown.
// Thread safety: every function may be called from any thread.
// Invariants: current() is never null; generation() rises by one with each replacement.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "server/defaults.h"
#include "transport/base/failure.h"
#include "transport/base/mutex.h"

namespace spillway {

struct FrontCertificate {
  std::string certificate_pem;  // leaf first, then intermediates
  std::string key_pem;
  std::string client_ca_pem;                        // "": callers are not asked for certificates
  std::chrono::system_clock::time_point not_after;  // of the leaf

  bool SameFiles(const FrontCertificate& other) const {
    return certificate_pem == other.certificate_pem && key_pem == other.key_pem &&
           client_ca_pem == other.client_ca_pem;
  }
};

// Errors: BadRequest naming the file and `listen.tls`'s key, never content: a file that cannot be
// read or does not parse, a key that does not fit, a certificate that is no longer valid.
Result<FrontCertificate> ReadFrontCertificate(const FrontTlsFiles& files);

class FrontCertificates {
 public:
  // Errors: as ReadFrontCertificate.
  static Result<std::shared_ptr<FrontCertificates>> Load(FrontTlsFiles files);

  enum class Outcome : std::uint8_t { kUnchanged, kReplaced, kRefused };
  // Reads the files again. kRefused logs why, once for the same reason; the first time in a row it
  // only waits for the next, since files may be half written.
  Outcome Refresh();

  std::shared_ptr<const FrontCertificate> current() const;
  std::uint64_t generation() const;
  // The files are not what is in force, because they do not fit.
  bool stale() const;
  const FrontTlsFiles& files() const { return files_; }

 private:
  FrontCertificates(FrontTlsFiles files, FrontCertificate first);

  const FrontTlsFiles files_;
  mutable Mutex mu_;
  std::shared_ptr<const FrontCertificate> current_ SPILLWAY_GUARDED_BY(mu_);
  std::uint64_t generation_ SPILLWAY_GUARDED_BY(mu_) = 1;
  int refusals_ SPILLWAY_GUARDED_BY(mu_) = 0;    // in a row
  std::string logged_ SPILLWAY_GUARDED_BY(mu_);  // why, the last time that it was said
};

}  // namespace spillway
