// The Admin service.
//
// What it is: reads snapshots of the transport and passes on what an operator asks for.
// Thread safety: called by gRPC from its threads.

#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/call_observer.h"
#include "server/policy_reloader.h"
#include "spillway/v1/admin.grpc.pb.h"
#include "transport/transport.h"

namespace spillway {

// What the service needs of its surroundings; all of it must outlive the gRPC server.
struct AdminContext {
  Transport* transport = nullptr;
  CallObserver* observer = nullptr;
  std::function<bool()> draining;
  // Begins the orderly end; false when it had begun already.
  std::function<bool()> request_drain;
  // The configuration in force; never null.
  std::function<std::shared_ptr<const Config>()> config;
  // Reloads the configuration file and calls back once, from any thread.
  std::function<void(std::function<void(const ReloadOutcome&)>)> reload;
  std::string version;
  std::string commit;
};

class AdminService final : public v1::Admin::CallbackService {
 public:
  static constexpr char kName[] = "spillway.v1.Admin";

  explicit AdminService(AdminContext context);

  grpc::ServerUnaryReactor* ListPools(grpc::CallbackServerContext* context,
                                      const v1::ListPoolsRequest* request,
                                      v1::ListPoolsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchPoolsResponse>* WatchPools(
      grpc::CallbackServerContext* context, const v1::WatchPoolsRequest* request) override;
  grpc::ServerUnaryReactor* CloseIdleConnections(
      grpc::CallbackServerContext* context, const v1::CloseIdleConnectionsRequest* request,
      v1::CloseIdleConnectionsResponse* response) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context,
                                    const v1::HttpRequest* request,
                                    v1::ExplainResponse* response) override;
  grpc::ServerUnaryReactor* GetConfig(grpc::CallbackServerContext* context,
                                      const v1::GetConfigRequest* request,
                                      v1::GetConfigResponse* response) override;
  grpc::ServerUnaryReactor* Reload(grpc::CallbackServerContext* context,
                                   const v1::ReloadRequest* request,
                                   v1::ReloadResponse* response) override;
  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* context,
                                  const v1::DrainRequest* request,
                                  v1::DrainResponse* response) override;

  // Pools whose destination name or host equals `filter` (empty: all), by key text.
  template <typename Response>
  void FillPools(const std::string& filter, Response& response) const;

 private:
  // Ends a unary call and tells the observer.
  grpc::ServerUnaryReactor* End(grpc::CallbackServerContext& context, std::string_view method,
                                const grpc::Status& status) const;

  const AdminContext context_;
  const Instant started_;
};

}  // namespace spillway
