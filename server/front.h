// One gRPC server behind listeners of our own.
//
// What it is: builds the server with the options that every front here has (permissive keepalive,
// size limits, health per service, reflection), and feeds it connections from an Acceptor. TCP is
// spoken in TLS when there is a certificate; Unix sockets are not, the kernel tells who calls.
// What it owns: the server, the acceptor and its listeners. Not the services.
// Thread safety: Start, StopAccepting and Shutdown from one thread; the rest from any.
// Invariants: no connection is handed to the server before it started or after it was shut down.

#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/acceptor.h"
#include "server/defaults.h"
#include "server/front_certificates.h"
#include "server/listener.h"
#include "server/unix_identities.h"

namespace spillway {

struct FrontOptions {
  struct NamedService {
    std::string name;  // "spillway.v1.Egress"
    grpc::Service* service = nullptr;
  };
  std::vector<Listener> listeners;
  std::vector<NamedService> services;
  FrontLimits limits;  // max_connections: as planned, not 0
  // Of TCP listeners; null: clear text.
  std::shared_ptr<const FrontCertificates> certificates = nullptr;
  bool require_client_certificate = true;  // when the certificates have a client CA
  // From accept to HTTP/2's first frame, TLS included (case C-048).
  Duration handshake_timeout = std::chrono::seconds(10);
  // Users that may have connections over Unix sockets at once.
  std::size_t unix_users = UnixIdentities::kDefaultSlots;
};

class Front {
 public:
  // Errors: a message for people.
  static Result<std::unique_ptr<Front>> Start(FrontOptions options);
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  // Health of every service and of the server as a whole.
  void SetServing(bool serving);
  // Closes the listeners; open connections go on.
  void StopAccepting();
  // No new calls, GOAWAY to clients; what still runs after `grace` is cancelled. Returns when every
  // call has ended. Idempotent.
  void Shutdown(Duration grace);
  AcceptorStats stats() const { return acceptor_->stats(); }

 private:
  Front() = default;

  void HandOn(int listener_fd, int fd);

  // They outlive the server, which asks them at each handshake.
  std::shared_ptr<grpc::ServerCredentials> credentials_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> into_server_;  // from TCP
  UnixIdentities unix_;
  std::set<int> unix_listeners_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Acceptor> acceptor_;
  bool shut_down_ = false;
};

}  // namespace spillway
