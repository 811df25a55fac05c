// A daemon that answers what a test tells it to: Egress, Admin and health on one server.
//
// Thread safety: the answers are set before a call comes in; what was asked may be read after the
// caller has its answer.

#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_context.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "grpc/health/v1/health.pb.h"
#include "spillway/v1/admin.pb.h"
#include "spillway/v1/egress.pb.h"

namespace spillway {

class FakeDaemon {
 public:
  using HttpRequest = spillway::v1::HttpRequest;
  using HttpResponse = spillway::v1::HttpResponse;

  // Over TCP in TLS, with callers' certificates required, when `tls` has a certificate.
  struct Tls {
    std::string certificate;
    std::string key;
    std::string client_ca;
  };
  explicit FakeDaemon(const Tls& tls = {});
  ~FakeDaemon();

  // "127.0.0.1:PORT" and "unix:PATH"; both reach every service.
  const std::string& address() const { return address_; }
  const std::string& unix_address() const { return unix_address_; }

  // RoundTrip: `response` and OK, unless `round_trip` is set.
  HttpResponse response;
  std::function<grpc::Status(grpc::ServerContext&, const HttpRequest&, HttpResponse&)> round_trip;
  // The last RoundTrip.
  HttpRequest request;

  // Stream: `frames` and then `stream_status`, after the caller's half-close unless `early`. What
  // came of the caller is kept until then.
  std::vector<spillway::v1::StreamResponse> frames;
  grpc::Status stream_status;
  bool early = false;
  std::vector<spillway::v1::StreamRequest> sent;

  // ListPools, and the `updates` answers of WatchPools (-1: until the caller is gone).
  spillway::v1::ListPoolsResponse pools;
  int updates = 1;
  spillway::v1::WatchPoolsRequest watch_request;
  std::string filter;  // of the last ListPools or CloseIdleConnections

  std::uint32_t closed = 0;
  spillway::v1::DrainResponse drain;
  grpc::Status admin_status;  // of ListPools, CloseIdleConnections and Drain

  grpc::health::v1::HealthCheckResponse::ServingStatus health =
      grpc::health::v1::HealthCheckResponse::SERVING;
  std::string health_service;  // of the last Check; "unknown" gets NOT_FOUND

 private:
  class EgressService;
  class AdminService;
  class HealthService;

  std::unique_ptr<EgressService> egress_;
  std::unique_ptr<AdminService> admin_;
  std::unique_ptr<HealthService> health_service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::string unix_address_;
};

}  // namespace spillway
