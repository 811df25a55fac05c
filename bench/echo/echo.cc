// The floor of bench/compare: a gRPC server that answers every RoundTrip with one canned response.
//
// It takes the same messages off the wire as the daemon and sends back what the daemon sends for
// the bench's request, but does nothing: what it costs is what gRPC costs. Without arguments it
// leaves the messages as bytes, as the daemon's front does; with --parse it has protobuf's
// generated code parse and serialize them, as most services do. Prints the port it listens on and
// serves until SIGTERM or SIGINT.

#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "spillway/v1/egress.grpc.pb.h"

namespace spillway {
namespace {

// As the daemon answers the bench's request: nginx's head, twelve bytes and an exchange summary.
v1::HttpResponse CannedResponse() {
  v1::HttpResponse response;
  response.set_status(200);
  const auto add = [&response](const char* name, const char* value) {
    v1::Header* header = response.add_headers();
    header->set_name(name);
    header->set_value(value);
  };
  add("Server", "nginx/1.22.1");
  add("Date", "Sat, 21 Nov 2026 05:00:00 GMT");
  add("Content-Type", "text/plain");
  add("Content-Length", "12");
  add("Connection", "keep-alive");
  response.set_body("hello world\n");
  response.set_protocol("HTTP/1.1");
  response.set_reason("OK");
  v1::Exchange* exchange = response.mutable_exchange();
  exchange->set_attempts(1);
  exchange->set_connection_id(42);
  exchange->set_reused(true);
  exchange->mutable_idle_time()->set_nanos(123456);
  exchange->mutable_timings()->mutable_queue()->set_nanos(1234);
  exchange->mutable_timings()->mutable_write()->set_nanos(12345);
  exchange->mutable_timings()->mutable_first_byte()->set_nanos(123456);
  exchange->mutable_timings()->mutable_total()->set_nanos(234567);
  exchange->set_local_address("127.0.0.1:40312");
  exchange->set_remote_address("127.0.0.1:40313");
  exchange->set_bytes_sent(120);
  exchange->set_bytes_received(160);
  exchange->set_policy_version(1);
  return response;
}

grpc::ByteBuffer Serialized(const v1::HttpResponse& response) {
  const grpc::Slice slice(response.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

class RawEcho final : public v1::Egress::WithRawCallbackMethod_RoundTrip<v1::Egress::Service> {
 public:
  grpc::ServerUnaryReactor* RoundTrip(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* /*request*/,
                                      grpc::ByteBuffer* response) override {
    *response = canned_;
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const grpc::ByteBuffer canned_ = Serialized(CannedResponse());
};

class ParsedEcho final : public v1::Egress::WithCallbackMethod_RoundTrip<v1::Egress::Service> {
 public:
  grpc::ServerUnaryReactor* RoundTrip(grpc::CallbackServerContext* context,
                                      const v1::HttpRequest* /*request*/,
                                      v1::HttpResponse* response) override {
    *response = canned_;
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  const v1::HttpResponse canned_ = CannedResponse();
};

int Run(bool parse) {
  // Debian's Abseil looks for deadlocks unless told not to; the daemon turns that off as well.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Blocked before any thread exists, so that sigwait below is the only taker.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  RawEcho raw;
  ParsedEcho parsed;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(parse ? static_cast<grpc::Service*>(&parsed) : &raw);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::fputs("echo: cannot listen\n", stderr);
    return EXIT_FAILURE;
  }
  std::printf("%d\n", port);
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  server->Shutdown();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  return spillway::Run(argc == 2 && std::string_view(argv[1]) == "--parse");
}
