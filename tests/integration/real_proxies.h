// Real proxies from Debian: squid, tinyproxy, dante and microsocks, and haproxy as the TLS side of
// one of them.
//
// What it is: one proxy as a child process on loopback. Those that take credentials want
// kProxyUser and kProxyPassword; squid, tinyproxy and dante deny kDeniedPort.
// Thread safety: none; one test's own.

#pragma once

#include <cstdint>
#include <string>

#include "tests/integration/server_process.h"

namespace spillway {

inline constexpr const char* kProxyUser = "user";
inline constexpr const char* kProxyPassword = "pass word";
inline constexpr std::uint16_t kDeniedPort = 7;

class RealProxy {
 public:
  enum class Kind : std::uint8_t {
    kSquid,       // http, credentials
    kSquidOpen,   // http, no credentials
    kTinyproxy,   // http, credentials without a blank: kProxyUser twice
    kDante,       // SOCKS5, no credentials
    kDanteLogin,  // SOCKS5, wants credentials that nobody has
    kMicrosocks,  // SOCKS5, credentials
  };
  explicit RealProxy(Kind kind);

  bool running() const { return server_.running(); }
  std::uint16_t port() const { return server_.port(); }
  // What it wrote, its log included.
  std::string output() const;
  // How often `text` is in its log; waits until it is there `times` times.
  std::uint64_t Logged(const std::string& text, std::uint64_t times) const;

 private:
  ServerProcess server_;
};

// haproxy that ends TLS with the certificate of `pem` and hands on to an http proxy.
class TlsFront {
 public:
  // `pem`: chain and key. `client_ca_pem`: whose certificates it demands; "" for none.
  TlsFront(const std::string& pem, const std::string& client_ca_pem, std::uint16_t behind);

  bool running() const { return server_.running(); }
  std::uint16_t port() const { return server_.port(); }
  std::string output() const { return server_.output(); }

 private:
  ServerProcess server_;
};

}  // namespace spillway
