#include "tests/cli/fake_daemon.h"

#include <grpcpp/server_builder.h>
#include <unistd.h>

#include "grpc/health/v1/health.grpc.pb.h"
#include "spillway/v1/admin.grpc.pb.h"
#include "spillway/v1/egress.grpc.pb.h"
#include "transport/base/check.h"

namespace spillway {

using grpc::ServerContext;
using grpc::Status;

class FakeDaemon::EgressService : public spillway::v1::Egress::Service {
 public:
  explicit EgressService(FakeDaemon& daemon) : daemon_(daemon) {}

  Status RoundTrip(ServerContext* context, const HttpRequest* request,
                   HttpResponse* response) override {
    daemon_.request = *request;
    if (daemon_.round_trip) return daemon_.round_trip(*context, *request, *response);
    *response = daemon_.response;
    return Status::OK;
  }

  Status Stream(ServerContext*,
                grpc::ServerReaderWriter<spillway::v1::StreamResponse, spillway::v1::StreamRequest>*
                    stream) override {
    daemon_.sent.clear();
    spillway::v1::StreamRequest frame;
    while (stream->Read(&frame)) {
      daemon_.sent.push_back(frame);
      if (daemon_.early) break;
    }
    for (const auto& answer : daemon_.frames) stream->Write(answer);
    return daemon_.stream_status;
  }

 private:
  FakeDaemon& daemon_;
};

class FakeDaemon::AdminService : public spillway::v1::Admin::Service {
 public:
  explicit AdminService(FakeDaemon& daemon) : daemon_(daemon) {}

  Status ListPools(ServerContext*, const spillway::v1::ListPoolsRequest* request,
                   spillway::v1::ListPoolsResponse* response) override {
    daemon_.filter = request->filter();
    *response = daemon_.pools;
    return daemon_.admin_status;
  }

  Status WatchPools(ServerContext*, const spillway::v1::WatchPoolsRequest* request,
                    grpc::ServerWriter<spillway::v1::WatchPoolsResponse>* writer) override {
    daemon_.watch_request = *request;
    spillway::v1::WatchPoolsResponse update;
    *update.mutable_pools() = daemon_.pools.pools();
    *update.mutable_process() = daemon_.pools.process();
    for (int i = 0; daemon_.updates < 0 || i < daemon_.updates; ++i) {
      if (!writer->Write(update)) break;
    }
    return daemon_.admin_status;
  }

  Status CloseIdleConnections(ServerContext*,
                              const spillway::v1::CloseIdleConnectionsRequest* request,
                              spillway::v1::CloseIdleConnectionsResponse* response) override {
    daemon_.filter = request->filter();
    response->set_closed(daemon_.closed);
    return daemon_.admin_status;
  }

  Status Drain(ServerContext*, const spillway::v1::DrainRequest*,
               spillway::v1::DrainResponse* response) override {
    *response = daemon_.drain;
    return daemon_.admin_status;
  }

 private:
  FakeDaemon& daemon_;
};

class FakeDaemon::HealthService : public grpc::health::v1::Health::Service {
 public:
  explicit HealthService(FakeDaemon& daemon) : daemon_(daemon) {}

  Status Check(ServerContext*, const grpc::health::v1::HealthCheckRequest* request,
               grpc::health::v1::HealthCheckResponse* response) override {
    daemon_.health_service = request->service();
    if (request->service() == "unknown") return {grpc::StatusCode::NOT_FOUND, "unknown service"};
    response->set_status(daemon_.health);
    return Status::OK;
  }

 private:
  FakeDaemon& daemon_;
};

FakeDaemon::FakeDaemon(const Tls& tls)
    : egress_(std::make_unique<EgressService>(*this)),
      admin_(std::make_unique<AdminService>(*this)),
      health_service_(std::make_unique<HealthService>(*this)) {
  static int count = 0;
  unix_address_ = "unix:/tmp/spillway-fake-" + std::to_string(::getpid()) + "-" +
                  std::to_string(++count) + ".sock";
  int port = 0;
  grpc::ServerBuilder builder;
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (!tls.certificate.empty()) {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = tls.client_ca;
    options.pem_key_cert_pairs = {{tls.key, tls.certificate}};
    credentials = grpc::SslServerCredentials(options);
  }
  builder.AddListeningPort("127.0.0.1:0", credentials, &port);
  builder.AddListeningPort(unix_address_, grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(-1);
  builder.RegisterService(egress_.get());
  builder.RegisterService(admin_.get());
  builder.RegisterService(health_service_.get());
  server_ = builder.BuildAndStart();
  SPILLWAY_CHECK(server_ != nullptr);
  address_ = "127.0.0.1:" + std::to_string(port);
}

FakeDaemon::~FakeDaemon() { server_->Shutdown(); }

}  // namespace spillway
