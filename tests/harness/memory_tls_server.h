// The far side of a TlsStream: OpenSSL as a server that does as it is told, over a MemoryLink.
//
// What it is: MemoryTlsContext is what the connections of one server share (certificate, ticket
// keys, versions); MemoryTlsServer is one connection, moved on by Step().
// Thread safety: a context may be shared; a connection is one thread's.

#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/certificates.h"
#include "tests/harness/memory_stream.h"

namespace spillway {

struct MemoryTlsSpec {
  bool send_issuers = true;
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string ciphers = {};          // TLS 1.2
  std::string alpn = {};             // chosen whatever the client offers; "" for none
  std::string client_root_pem = {};  // asks for a client certificate and demands one of this root
  int tickets = 2;
};

class MemoryTlsContext {
 public:
  explicit MemoryTlsContext(const TestCertificate& certificate, const MemoryTlsSpec& spec = {});

  SSL_CTX* native() const { return context_.get(); }

 private:
  static int ChooseAlpn(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                        const unsigned char* in, unsigned in_size, void* self);

  std::shared_ptr<SSL_CTX> context_;
  std::string alpn_;
};

class MemoryTlsServer {
 public:
  MemoryTlsServer(const MemoryTlsContext& context, std::shared_ptr<MemoryLink> link);

  // Takes what the client sent, goes on with the handshake or reads, and sends what came of it.
  void Step();
  void Send(const std::string& text);
  void CloseNotify();
  void Flush();  // what OpenSSL wrote goes to the client

  bool open() const { return open_; }
  bool failed() const { return failed_; }
  const std::string& received() const { return received_; }  // application data
  std::string sni() const { return sni_; }
  SSL* ssl() const { return ssl_.get(); }

 private:
  std::shared_ptr<MemoryLink> link_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool open_ = false;
  bool failed_ = false;
  std::string received_;
  std::string sni_;
};

}  // namespace spillway
