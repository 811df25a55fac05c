// Real servers that speak TLS and HTTP/2, with the certificates of tests/harness/test_tls.h.
//
// What it is: nginx, Apache, nghttpd and Caddy, each serving www/file.txt. nginx tells in its log
// what every request came on: connection, session, client, name.
// Thread safety: none; one test's own.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/integration/server_process.h"

namespace spillway {

// A line of nginx's log.
struct NginxRequest {
  std::string connection;
  std::string protocol;  // "HTTP/2.0"
  bool resumed = false;
  std::string name;    // SNI
  std::string client;  // subject of its certificate; "" without
};

class TlsServerProcess {
 public:
  enum class Kind : std::uint8_t { kNginx, kNginxClients, kNginxNames, kApache, kNghttpd, kCaddy };
  explicit TlsServerProcess(Kind kind);

  bool running() const { return server_.running(); }
  std::string output() const { return server_.output(); }
  // By name: callers look every name up as this machine.
  std::string url(const std::string& host = "origin.test") const;
  bool Restart() { return server_.Restart(); }
  // nginx: new workers, the old ones finish what they have.
  void Reload() const;
  std::uint16_t port() const { return server_.port(); }
  // nginx: waits until the log holds `requests` lines; fewer when they do not come.
  std::vector<NginxRequest> Log(std::uint64_t requests) const;

 private:
  ServerProcess server_;
};

}  // namespace spillway
