// One gRPC server behind listeners of our own.
//
// What it is: builds the server with the options that every front here has (permissive keepalive,
// size limits, health per service, reflection), and feeds it connections from an Acceptor.
// What it owns: the server, the acceptor and its listeners. Not the services.
// Thread safety: Start, StopAccepting and Shutdown from one thread; the rest from any.
// Invariants: no connection is handed to the server before it started or after it was shut down.

#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "server/acceptor.h"
#include "server/defaults.h"
#include "server/listener.h"

namespace spillway {

struct FrontOptions {
  struct NamedService {
    std::string name;  // "spillway.v1.Egress"
    grpc::Service* service = nullptr;
  };
  std::vector<Listener> listeners;
  std::vector<NamedService> services;
  FrontLimits limits;  // max_connections: as planned, not 0
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

  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> into_server_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Acceptor> acceptor_;
  bool shut_down_ = false;
};

}  // namespace spillway
