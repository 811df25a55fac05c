// The daemon's front as an operator sets it up: TLS by flags and by file, new certificates, clear
// text for others, the access log.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/server/daemon_process.h"
#include "tests/server/front_fixture.h"
#include "tests/server/loopback.h"
#include "tests/server/tls_files.h"

namespace spillway {
namespace {

grpc::Status Send(const std::shared_ptr<grpc::Channel>& channel, const v1::HttpRequest& request) {
  const auto stub = v1::Egress::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::HttpResponse response;
  return stub->RoundTrip(&context, request, &response);
}

std::shared_ptr<grpc::Channel> ConnectTls(const std::string& target, const TestCertificate& root,
                                          const TestCertificate& own) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = root.pem();
  options.pem_cert_chain = own.chain_pem();
  options.pem_private_key = own.key_pem();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetSslTargetNameOverride(kFrontName);
  return grpc::CreateCustomChannel(target, grpc::SslCredentials(options), arguments);
}

std::string MetricsOf(const DaemonProcess& daemon) {
  const int fd = DialLoopback(PortOf(daemon.address("http")));
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(::send(fd, request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string page;
  char block[4096];
  ssize_t count = 0;
  while ((count = ::recv(fd, block, sizeof block, 0)) > 0) {
    page.append(block, static_cast<std::size_t>(count));
  }
  ::close(fd);
  return page;
}

TEST(DaemonTls, KnowsItsCallersAndTakesNewCertificates) {  // X-029, C-076
  TlsFiles files;
  const TestCertificate clients = TestCertificate::Root("clients");
  files.AskCallers(clients);
  const TestCertificate own =
      clients.Issue({.common_name = "x", .dns = {}, .uris = {"spiffe://corp/orders"}});
  // Names in the file are relative to its folder.
  const std::string config = files.path("spillway.yaml");
  std::ofstream(config) << "listen:\n  tls:\n    certificate_file: tls.crt\n    key_file: tls.key\n"
                           "    client_ca_file: clients.crt\n";
  const HeldPort dead(HeldPort::Manner::kRefuse);
  DaemonProcess daemon({.flags = {"--config=" + config, "--access_log=failures"}});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  const std::string target = daemon.address("grpc");
  EXPECT_FALSE(Send(Connect(target), Get(dead.url())).ok());

  v1::HttpRequest request = Get(dead.url() + "canary-path?canary=query");
  request.set_method("PUT");
  request.set_body("canary-body");
  v1::Header& header = *request.add_headers();
  header.set_name("Authorization");
  header.set_value("canary-value");
  EXPECT_EQ(ErrorIn(Send(ConnectTls(target, files.root(), own), request)).reason(),
            v1::REASON_CONNECTION_REFUSED);
  ASSERT_TRUE(daemon.AwaitLine("suppressed=0\n")) << daemon.log();
  const std::string line = "access method=PUT host=127.0.0.1 port=" + std::to_string(dead.port()) +
                           " path=/canary-path status=0 reason=connection_refused "
                           "delivery=not_sent duration_us=";
  EXPECT_NE(daemon.log().find(line), std::string::npos) << daemon.log();
  EXPECT_NE(daemon.log().find(" reused=false destination=\"\" identity=spiffe://corp/orders "),
            std::string::npos)
      << daemon.log();
  for (const char* secret : {"canary=query", "canary-body", "canary-value"}) {
    EXPECT_EQ(daemon.log().find(secret), std::string::npos) << secret;
  }
  const std::string metrics = MetricsOf(daemon);
  EXPECT_NE(metrics.find("spillway_tenant_requests_total{tenant=\"spiffe://corp/orders\"} 1"),
            std::string::npos);
  EXPECT_NE(metrics.find("spillway_front_insecure_remote 0"), std::string::npos);
  EXPECT_NE(metrics.find("spillway_front_certificate_stale 0"), std::string::npos);

  const TestCertificate new_root = TestCertificate::Root("new root");
  files.Replace(new_root.IssueFor(kFrontName));
  ASSERT_TRUE(daemon.AwaitLine("front certificate replaced")) << daemon.log();
  EXPECT_EQ(ErrorIn(Send(ConnectTls(target, new_root, own), request)).reason(),
            v1::REASON_CONNECTION_REFUSED);
  files.Write(files.files().key_file, "half");
  ASSERT_TRUE(daemon.AwaitLine("front certificate not replaced")) << daemon.log();
  EXPECT_NE(MetricsOf(daemon).find("spillway_front_certificate_stale 1"), std::string::npos);
}

TEST(DaemonTls, SaysLoudlyThatOtherMachinesGetClearText) {
  const HeldPort dead(HeldPort::Manner::kRefuse);
  DaemonProcess daemon({.flags = {"--grpc_listen=0.0.0.0:0", "--http_listen=127.0.0.1:0",
                                  "--admin_listen=unix:" + TempPath("insecure-admin.sock"),
                                  "--allow_insecure_remote"},
                        .own_listeners = true});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  EXPECT_NE(daemon.log().find("warning INSECURE"), std::string::npos) << daemon.log();
  const std::string port = std::to_string(PortOf(daemon.address("grpc")));
  EXPECT_EQ(ErrorIn(Send(Connect("127.0.0.1:" + port), Get(dead.url()))).reason(),
            v1::REASON_CONNECTION_REFUSED);
  EXPECT_NE(MetricsOf(daemon).find("spillway_front_insecure_remote 1"), std::string::npos);
  // It still does not dial itself.
  EXPECT_EQ(Send(Connect("127.0.0.1:" + port), Get("http://127.0.0.1:" + port + "/")).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST(DaemonTls, KnowsTheUsersOfItsUnixSocket) {
  const HeldPort dead(HeldPort::Manner::kRefuse);
  const std::string path = TempPath("users.sock");
  DaemonProcess daemon({.flags = {"--grpc_listen=unix:" + path, "--access_log=all"}});
  ASSERT_TRUE(daemon.AwaitLine("ready")) << daemon.log();
  EXPECT_FALSE(Send(Connect("unix:" + path), Get(dead.url())).ok());
  ASSERT_TRUE(daemon.AwaitLine("suppressed=0\n")) << daemon.log();
  EXPECT_NE(daemon.log().find("identity=uid:" + std::to_string(::getuid()) + " "),
            std::string::npos)
      << daemon.log();
}

}  // namespace
}  // namespace spillway
