#include "server/front.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>
#include <utility>

#include "server/tls_credentials.h"

namespace spillway {
namespace {

// gRPC wants these before the first server is built; they hold for every server after.
void EnablePlugins() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

// What a caller may send on one call before it is read, beside StreamLimits.buffer_bytes. Without
// its probes gRPC lets the calls of a connection together send 64 KiB a round trip, and what is
// missing of the messages that are being read.
constexpr int kCallWindow = 256 * 1024;

int Milliseconds(Duration length) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(length).count();
  return static_cast<int>(std::min<std::int64_t>(ms, std::numeric_limits<int>::max()));
}

int Clamped(std::uint64_t value) {
  return static_cast<int>(std::min<std::uint64_t>(value, std::numeric_limits<int>::max()));
}

void SetOptions(grpc::ServerBuilder& builder, const FrontLimits& limits) {
  builder.SetMaxReceiveMessageSize(Clamped(limits.max_request_message_bytes));
  builder.SetMaxSendMessageSize(-1);  // bounded by max_response_bytes
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             Clamped(limits.max_streams_per_connection));
  // Clients in Java and Go ping without calls and more often than gRPC's own default allows.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(limits.min_ping_interval));
  // Ours find callers that vanished without a word, whose exchanges must end (case C-040).
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  // Left to itself gRPC widens the window of every call to what one connection once carried, up to
  // 32 MiB, and holds as much for each call whose body its origin does not take (case C-041).
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kCallWindow);
  if (limits.max_connection_age != kForever) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                               Milliseconds(limits.max_connection_age));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                               Milliseconds(limits.max_connection_age_grace));
  }
  // Only server reflection is served by synchronous threads.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
}

}  // namespace

Result<std::unique_ptr<Front>> Front::Start(FrontOptions options) {
  EnablePlugins();
  std::unique_ptr<Front> front(new Front);
  grpc::ServerBuilder builder;
  SetOptions(builder, options.limits);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             Milliseconds(options.handshake_timeout));
  for (const FrontOptions::NamedService& service : options.services) {
    builder.RegisterService(service.service);
  }
  front->credentials_ =
      options.certificates == nullptr
          ? grpc::InsecureServerCredentials()
          : MakeTlsCredentials(options.certificates, options.require_client_certificate);
  front->into_server_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, front->credentials_);
  for (const Listener& listener : options.listeners) {
    if (listener.address().kind == ListenAddress::Kind::kUnix) {
      front->unix_listeners_.insert(listener.fd());
    }
  }
  if (!front->unix_listeners_.empty()) front->unix_.Attach(builder, options.unix_users);
  front->server_ = builder.BuildAndStart();
  if (front->server_ == nullptr) {
    return Failure{.reason = Reason::kInternalError,
                   .source = Source::kService,
                   .phase = Phase::kNone,
                   .delivery = Delivery::kNotSent,
                   .message = "gRPC could not start a server",
                   .field = {},
                   .response_status = 0};
  }
  for (const FrontOptions::NamedService& service : options.services) {
    front->server_->GetHealthCheckService()->SetServingStatus(service.name, true);
  }
  front->acceptor_ = std::make_unique<Acceptor>(Acceptor::Options{
      .listeners = std::move(options.listeners),
      .max_connections = options.limits.max_connections,
      .on_connection = [front = front.get()](int listener_fd,
                                             int fd) { front->HandOn(listener_fd, fd); },
      .accept = nullptr});
  front->acceptor_->Start();
  return front;
}

void Front::HandOn(int listener_fd, int fd) {
  if (unix_listeners_.contains(listener_fd)) {
    return unix_.HandOn(listener_fd, fd, UnixIdentities::Clock::now());
  }
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = listener_fd;
  connection.fd = fd;
  into_server_->HandleNewConnection(&connection);
}

Front::~Front() { Shutdown(Duration::zero()); }

void Front::SetServing(bool serving) {
  if (server_ != nullptr) server_->GetHealthCheckService()->SetServingStatus(serving);
}

void Front::StopAccepting() {
  if (acceptor_ != nullptr) acceptor_->Stop();
}

void Front::Shutdown(Duration grace) {
  if (std::exchange(shut_down_, true)) return;
  StopAccepting();
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() +
                    std::chrono::duration_cast<std::chrono::system_clock::duration>(grace));
  server_->Wait();
}

}  // namespace spillway
