// The daemon's process: start, refusal to start, signals, descriptors.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>

#include "tests/server/daemon_process.h"
#include "tests/server/front_fixture.h"
#include "tests/server/loopback.h"
#include "tests/server/tls_files.h"

namespace spillway {
namespace {

grpc::Status Send(const std::string& target, const std::string& url) {
  const auto stub = v1::Egress::NewStub(Connect(target));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  // After a flood the daemon looks only now and then whether there is room again.
  context.set_wait_for_ready(true);
  v1::HttpResponse response;
  return stub->RoundTrip(&context, Get(url), &response);
}

TEST(Daemon, ServesOnTcpAndUnixAndEndsWithALedger) {
  const HeldPort dead(HeldPort::Manner::kRefuse);
  const std::string path = TempPath("daemon.sock");
  DaemonProcess daemon({.flags = {"--grpc_listen=unix:" + path}});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  for (const std::string& target : {daemon.address("grpc"), "unix:" + path}) {
    const grpc::Status status = Send(target, dead.url());
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    EXPECT_EQ(ErrorIn(status).reason(), v1::REASON_CONNECTION_REFUSED);
    EXPECT_EQ(ErrorIn(status).delivery(), v1::DELIVERY_NOT_SENT);
  }
  daemon.Signal(SIGTERM);
  EXPECT_EQ(daemon.Wait(), 0);
  EXPECT_NE(daemon.log().find("ledger admitted=2 ok=0 failed=2 cancelled=0 refused=0 leaked=0"),
            std::string::npos)
      << daemon.log();
}

TEST(Daemon, RefusesToDialItself) {  // O-271
  DaemonProcess daemon({});
  ASSERT_TRUE(daemon.AwaitLine("ready"));
  for (const std::string service : {"grpc", "http"}) {
    const std::string port = std::to_string(PortOf(daemon.address(service)));
    for (const std::string host : {"127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "0.0.0.0"}) {
      const grpc::Status status =
          Send(daemon.address("grpc"), "http://" + host + ":" + port + "/metrics");
      EXPECT_FALSE(status.ok()) << host;
      EXPECT_NE(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << host;
    }
    const grpc::Status status =
        Send(daemon.address("grpc"), "http://127.0.0.1:" + port + "/metrics");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  }
}

struct Refusal {
  const char* name;
  std::vector<std::string> flags;
  int status;
  std::string message;
};

TEST(Daemon, SaysWhyItDoesNotStart) {
  const HeldPort taken(HeldPort::Manner::kListen);
  const std::string address = taken.address();
  const TlsFiles tls;
  tls.Write(tls.path("other.key"), TestCertificate::Root("other").key_pem());
  const std::string config = TempPath("bad.yaml");
  std::ofstream(config) << "listen:\n  grcp: []\n";
  const Refusal rows[] = {
      {"port taken", {"--http_listen=" + address}, 1, "cannot listen on " + address},
      {"other machines could reach it", {"--grpc_listen=0.0.0.0:0"}, 1, "without TLS"},
      {"no address", {"--grpc_listen=nonsense"}, 1, "--grpc_listen"},
      {"admin for everybody", {"--admin_listen=192.0.2.1:1"}, 1, "without TLS"},
      {"admin whatever is allowed",
       {"--admin_listen=0.0.0.0:0", "--allow_insecure_remote"},
       1,
       "--admin_listen"},
      {"metrics for everybody", {"--http_listen=0.0.0.0:0"}, 1, "--allow_insecure_remote"},
      {"no such certificate",
       {"--grpc_tls_certificate=/no/such/crt", "--grpc_tls_key=/no/such/key"},
       1,
       "/no/such/crt"},
      {"certificate without key",
       {"--grpc_tls_certificate=" + tls.files().certificate_file},
       1,
       "listen.tls.key_file"},
      {"key of another certificate",
       {"--grpc_tls_certificate=" + tls.files().certificate_file,
        "--grpc_tls_key=" + tls.path("other.key")},
       1,
       tls.path("other.key")},
      {"unknown key", {"--config=" + config}, 1, config + ":2:"},
      {"no such file", {"--config=/no/such/file"}, 1, "/no/such/file"},
      {"no such flag", {"--nonsense"}, 2, "--nonsense"},
  };
  for (const Refusal& row : rows) {
    DaemonProcess daemon({.flags = row.flags});
    EXPECT_EQ(daemon.Wait(), row.status) << row.name;
    EXPECT_NE(daemon.log().find(row.message), std::string::npos) << row.name << daemon.log();
    EXPECT_EQ(daemon.log().find("info ready"), std::string::npos) << row.name;
  }
}

void LimitDescriptors(rlim_t limit) {
  const rlimit both = {limit, limit};
  ::setrlimit(RLIMIT_NOFILE, &both);
}

TEST(Daemon, RefusesToStartOnTooFewDescriptors) {
  DaemonProcess daemon({.in_child = [] { LimitDescriptors(128); }});
  EXPECT_EQ(daemon.Wait(), 1);
  EXPECT_NE(daemon.log().find("limit on open files is 128"), std::string::npos) << daemon.log();
}

TEST(Daemon, AnswersEveryCallerAfterAFloodOfConnections) {
  DaemonProcess daemon({.in_child = [] { LimitDescriptors(256); }});
  ASSERT_TRUE(daemon.AwaitLine("ready"));
  const std::string target = daemon.address("grpc");
  const HeldPort dead(HeldPort::Manner::kRefuse);
  ASSERT_EQ(Send(target, dead.url()).error_code(), grpc::StatusCode::UNAVAILABLE);
  const std::size_t before = daemon.descriptors();
  {
    std::vector<int> callers;
    for (int i = 0; i < 400; ++i) callers.push_back(DialLoopback(PortOf(target)));
    // Those above the cap are closed by the daemon; wait for the last.
    char byte = 0;
    EXPECT_LE(::recv(callers.back(), &byte, 1, 0), 0);
    EXPECT_LT(daemon.descriptors(), 250u) << "origins keep their share";
    for (const int fd : callers) ::close(fd);
  }
  // Until the daemon has noticed that they left, newcomers are above the cap.
  for (int i = 0; i < 1'000'000 && daemon.descriptors() > before; ++i) std::this_thread::yield();
  for (int i = 0; i < 100; ++i) {
    const grpc::Status status = Send(target, "http://");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << i << ": " << status.error_message();
  }
  for (int i = 0; i < 1'000'000 && daemon.descriptors() > before; ++i) std::this_thread::yield();
  EXPECT_LE(daemon.descriptors(), before);
}

TEST(Daemon, StartsWithoutStandardStreamsOrAFolder) {
  const std::string folder = TempPath("gone");
  std::filesystem::create_directory(folder);
  const std::string path = TempPath("bare.sock");
  DaemonProcess daemon(
      {.flags = {"--grpc_listen=unix:" + path, "--admin_listen=unix:" + TempPath("bare-admin.sock"),
                 "--http_listen=127.0.0.1:0"},
       .own_listeners = true,
       .in_child = [&folder] {
         static_cast<void>(!::chdir(folder.c_str()));
         ::rmdir(folder.c_str());
         for (int fd = 0; fd <= 2; ++fd) ::close(fd);
       }});
  const auto stub = v1::Egress::NewStub(Connect("unix:" + path));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);  // nothing says when it listens
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::HttpResponse response;
  const grpc::Status status = stub->RoundTrip(&context, Get("http://"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  daemon.Signal(SIGTERM);
  EXPECT_EQ(daemon.Wait(), 0);
}

TEST(Daemon, StartsAgainAfterItWasKilled) {
  const std::string path = TempPath("again.sock");
  const DaemonProcess::Options options = {
      .flags = {"--grpc_listen=unix:" + path, "--admin_listen=unix:" + TempPath("again-admin.sock"),
                "--http_listen=127.0.0.1:0"},
      .own_listeners = true};
  {
    DaemonProcess first(options);
    ASSERT_TRUE(first.AwaitLine("ready"));
    DaemonProcess second(options);
    EXPECT_EQ(second.Wait(), 1);
    EXPECT_NE(second.log().find("already listens"), std::string::npos) << second.log();
    first.Signal(SIGKILL);
    EXPECT_EQ(first.Wait(), 128 + SIGKILL);
  }
  DaemonProcess third(options);
  EXPECT_TRUE(third.AwaitLine("ready")) << third.log();
}

// A call that no origin answers.
std::future<grpc::Status> HangingCall(const DaemonProcess& daemon, const HeldPort& origin) {
  auto call =
      std::async(std::launch::async, [target = daemon.address("grpc"), port = origin.port()] {
        return Send(target, "http://127.0.0.1:" + std::to_string(port) + "/");
      });
  // The connection stays open until this process ends.
  const int connection = ::accept(origin.fd(), nullptr, nullptr);
  EXPECT_GE(connection, 0);
  char first = 0;  // of the request, which has been sent then
  EXPECT_EQ(::recv(connection, &first, 1, 0), 1);
  return call;
}

TEST(Daemon, EndsAtOnceOnASecondSignal) {
  const HeldPort origin(HeldPort::Manner::kListen);
  DaemonProcess daemon({});
  ASSERT_TRUE(daemon.AwaitLine("ready"));
  std::future<grpc::Status> call = HangingCall(daemon, origin);
  daemon.Signal(SIGTERM);
  ASSERT_TRUE(daemon.AwaitLine(" draining running=1")) << daemon.log();
  daemon.Signal(SIGTERM);
  EXPECT_EQ(daemon.Wait(), 128 + SIGTERM);
  EXPECT_FALSE(call.get().ok());
}

TEST(Daemon, CancelsWhatOutlastsTheGraceTimeAndTellsTheCaller) {
  const std::string config = TempPath("grace.yaml");
  std::ofstream(config) << "drain:\n  grace: 50ms\n";
  const HeldPort origin(HeldPort::Manner::kListen);
  DaemonProcess daemon({.flags = {"--config=" + config}});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  std::future<grpc::Status> call = HangingCall(daemon, origin);
  daemon.Signal(SIGTERM);
  const grpc::Status status = call.get();
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(ErrorIn(status).delivery(), v1::DELIVERY_UNKNOWN);
  EXPECT_EQ(daemon.Wait(), 0);
  EXPECT_NE(daemon.log().find("leaked=0"), std::string::npos);
}

TEST(Daemon, WritesJsonLinesWhenAsked) {
  DaemonProcess daemon({.flags = {"--log_format=json"}});
  ASSERT_TRUE(daemon.AwaitLine("\"event\":\"ready\"")) << daemon.log();
  daemon.Signal(SIGINT);
  EXPECT_EQ(daemon.Wait(), 0);
  EXPECT_NE(daemon.log().find("\"level\":\"info\",\"event\":\"ledger\",\"admitted\":\"0\""),
            std::string::npos)
      << daemon.log();
}

}  // namespace
}  // namespace spillway
