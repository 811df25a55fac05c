// An operator of a running daemon: asks Admin what still runs, and closes what is idle.
//
// Thread safety: any thread.

#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <string>

#include "spillway/v1/admin.grpc.pb.h"

namespace spillway {

class DaemonOperator {
 public:
  // `address`: of the admin listener.
  explicit DaemonOperator(const std::string& address)
      : stub_(
            v1::Admin::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {}

  // Empty when it could not be asked.
  v1::ListPoolsResponse Pools() {
    grpc::ClientContext context;
    v1::ListPoolsResponse pools;
    if (!stub_->ListPools(&context, {}, &pools).ok()) pools.Clear();
    return pools;
  }

  // Nothing runs, waits or is being dialled.
  bool Quiet() {
    const v1::ListPoolsResponse now = Pools();
    return now.process().connection_limit() > 0 && now.process().active_round_trips() == 0 &&
           std::all_of(now.pools().begin(), now.pools().end(), [](const v1::PoolInfo& pool) {
             return pool.active() == 0 && pool.waiting() == 0 && pool.streams() == 0 &&
                    pool.connecting() == 0 && pool.draining() == 0;
           });
  }

  // Closes idle connections; true once no connection to an origin is left.
  bool Emptied() {
    grpc::ClientContext context;
    v1::CloseIdleConnectionsResponse closed;
    if (!stub_->CloseIdleConnections(&context, {}, &closed).ok()) return false;
    const v1::ListPoolsResponse now = Pools();
    return now.process().connection_limit() > 0 && now.process().connections() == 0;
  }

 private:
  std::unique_ptr<v1::Admin::Stub> stub_;
};

}  // namespace spillway
