// What a finished TLS handshake agreed on.
//
// Thread safety: a plain value.

#pragma once

#include <string>

namespace spillway {

struct TlsFacts {
  std::string version;  // "TLSv1.3"
  std::string cipher;   // standard name, "TLS_AES_128_GCM_SHA256"
  bool resumed = false;

  bool operator==(const TlsFacts&) const = default;
};

}  // namespace spillway
