// The front over TLS: who gets in, who they are taken for, and what a new certificate changes.

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "tests/server/front_fixture.h"
#include "tests/server/loopback.h"
#include "tests/server/tls_files.h"

namespace spillway {
namespace {

void TellTenant(FakeTransport::Exchange& exchange) {
  HeaderList headers;
  headers.Add("tenant", exchange.request().tenant);
  exchange.Head(200, std::move(headers));
  exchange.End();
}

struct FrontWanted {
  std::string listen = "127.0.0.1:0";
  std::uint32_t max_connections = 100;
  Duration handshake_timeout = std::chrono::seconds(10);
};

class TlsFront {
 public:
  explicit TlsFront(const TlsFiles& files, FakeTransport::Script script = TellTenant,
                    const FrontWanted& wanted = {})
      : transport(std::move(script)), certificates(files.Load()) {
    FrontOptions options;
    options.listeners.push_back(OpenListener(wanted.listen));
    target = options.listeners.front().address().Text();
    options.services = {{EgressService::kName, &service}};
    options.limits.max_connections = wanted.max_connections;
    options.certificates = certificates;
    options.require_client_certificate = files.files().require_client_certificate;
    options.handshake_timeout = wanted.handshake_timeout;
    front = StartFront(std::move(options));
  }
  ~TlsFront() {
    transport.Shutdown();
    front->Shutdown(std::chrono::milliseconds(100));
  }
  std::uint16_t port() const { return PortOf(target); }

  FakeTransport transport;
  Admission admission{AdmissionLimits{}};
  CountingObserver observer;
  EgressService service{{.transport = &transport,
                         .admission = &admission,
                         .observer = &observer,
                         .max_response_bytes = 64 * 1024 * 1024}};
  std::shared_ptr<FrontCertificates> certificates;
  std::string target;
  std::unique_ptr<Front> front;
};

struct Answer {
  grpc::Status status;
  std::string tenant;
};

Answer Ask(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = v1::Egress::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::HttpResponse response;
  Answer answer{stub->RoundTrip(&context, Get(), &response), ""};
  if (response.headers_size() == 1) answer.tenant = response.headers(0).value();
  return answer;
}

// A channel that trusts `root` and shows `own`.
std::shared_ptr<grpc::Channel> ConnectTls(const std::string& target, const TestCertificate& root,
                                          const TestCertificate* own = nullptr) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = root.pem();
  if (own != nullptr) {
    options.pem_cert_chain = own->chain_pem();
    options.pem_private_key = own->key_pem();
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetSslTargetNameOverride(kFrontName);
  return grpc::CreateCustomChannel(target, grpc::SslCredentials(options), arguments);
}

TEST(FrontTls, ServesCallersWhoTrustIt) {
  const TlsFiles files;
  TlsFront front(files);
  const Answer answer = Ask(ConnectTls(front.target, files.root()));
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.tenant, "");
}

TEST(FrontTls, TurnsAwayClearTextAndGoesOn) {
  const TlsFiles files;
  TlsFront front(files);
  EXPECT_EQ(Ask(Connect(front.target)).status.error_code(), grpc::StatusCode::UNAVAILABLE);
  for (const std::string bytes :
       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01"
        "\xff\xff"}) {
    const int caller = DialLoopback(front.port());
    ASSERT_EQ(::send(caller, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    ::shutdown(caller, SHUT_WR);
    std::string answer(4096, '\0');
    ssize_t count = 0;
    while ((count = ::recv(caller, answer.data(), answer.size(), 0)) > 0) {
      EXPECT_EQ(answer.find("HTTP"), std::string::npos) << "an answer in clear text";
    }
    ::close(caller);
  }
  EXPECT_TRUE(Ask(ConnectTls(front.target, files.root())).status.ok());
  EXPECT_EQ(front.observer.started().size(), 1u);
}

TEST(FrontTls, IsNotTakenForAnotherByCallersOfAnotherAuthority) {
  const TlsFiles files;
  TlsFront front(files);
  const TestCertificate other = TestCertificate::Root("other root");
  EXPECT_EQ(Ask(ConnectTls(front.target, other)).status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST(FrontTls, AsksCallersForACertificateThatItKnows) {
  TlsFiles files;
  const TestCertificate known = TestCertificate::Root("clients");
  const TestCertificate unknown = TestCertificate::Root("clients");  // the same name, another key
  files.AskCallers(known);
  TlsFront front(files);
  const TestCertificate good = known.IssueFor("app.test");
  const TestCertificate bad = unknown.IssueFor("app.test");
  const TestCertificate late = known.Issue({.common_name = "late",
                                            .dns = {"app.test"},
                                            .begins = -std::chrono::hours(2),
                                            .ends = -std::chrono::hours(1)});
  const TestCertificate server_only =
      known.Issue({.common_name = "s", .dns = {"app.test"}, .extended_key_usage = "serverAuth"});
  EXPECT_FALSE(Ask(ConnectTls(front.target, files.root())).status.ok());
  EXPECT_FALSE(Ask(ConnectTls(front.target, files.root(), &bad)).status.ok());
  EXPECT_FALSE(Ask(ConnectTls(front.target, files.root(), &late)).status.ok());
  EXPECT_FALSE(Ask(ConnectTls(front.target, files.root(), &server_only)).status.ok());
  EXPECT_TRUE(front.observer.started().empty());
  const Answer answer = Ask(ConnectTls(front.target, files.root(), &good));
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.tenant, "dns:app.test");
}

TEST(FrontTls, MayLeaveCallersTheChoiceButNotAWrongCertificate) {
  TlsFiles files;
  const TestCertificate known = TestCertificate::Root("clients");
  files.AskCallers(known, false);
  TlsFront front(files);
  const TestCertificate good = known.IssueFor("app.test");
  const TestCertificate bad = TestCertificate::Root("others").IssueFor("app.test");
  const Answer nobody = Ask(ConnectTls(front.target, files.root()));
  EXPECT_TRUE(nobody.status.ok()) << nobody.status.error_message();
  EXPECT_EQ(nobody.tenant, "");
  EXPECT_EQ(Ask(ConnectTls(front.target, files.root(), &good)).tenant, "dns:app.test");
  EXPECT_FALSE(Ask(ConnectTls(front.target, files.root(), &bad)).status.ok());
}

TEST(FrontTls, TellsCallersApartByTheirCertificate) {
  struct Row {
    const char* name;
    CertificateSpec spec;
    std::string tenant;
  };
  const Row rows[] = {
      {"SPIFFE",
       {.common_name = "x", .uris = {"spiffe://corp/ns/pay/sa/api"}},
       "spiffe://corp/ns/pay/sa/api"},
      {"SPIFFE before DNS",
       {.common_name = "x", .dns = {"a.test"}, .uris = {"spiffe://corp/a"}},
       "spiffe://corp/a"},
      {"the first DNS name, in lower case",
       {.common_name = "x", .dns = {"B.test", "a.test"}},
       "dns:b.test"},
      {"another URI",
       {.common_name = "x", .dns = {"a.test"}, .uris = {"https://corp/a"}},
       "dns:a.test"},
      {"no name but the subject's", {.common_name = "a.test"}, ""},
      {"a DNS name that is none", {.common_name = "x", .dns = {"uid:0 \""}}, ""},
  };
  TlsFiles files;
  const TestCertificate known = TestCertificate::Root("clients");
  files.AskCallers(known);
  TlsFront front(files);
  for (const Row& row : rows) {
    const TestCertificate own = known.Issue(row.spec);
    const Answer answer = Ask(ConnectTls(front.target, files.root(), &own));
    EXPECT_TRUE(answer.status.ok()) << row.name << answer.status.error_message();
    EXPECT_EQ(answer.tenant, row.tenant) << row.name;
  }
}

TEST(FrontTls, KnowsTheUserAtTheOtherEndOfAUnixSocketWithoutTls) {
  const TlsFiles files;
  TlsFront front(files, TellTenant, {.listen = "unix:" + TempPath("identity.sock")});
  const std::shared_ptr<grpc::Channel> channel = Connect(front.target);
  for (int i = 0; i < 3; ++i) {
    const Answer answer = Ask(channel);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_EQ(answer.tenant, "uid:" + std::to_string(::getuid()));
  }
}

TEST(FrontTls, TakesANewCertificateWhileACallRuns) {
  TlsFiles files;
  TlsFront front(files, [](FakeTransport::Exchange&) {});
  const std::shared_ptr<grpc::Channel> before = ConnectTls(front.target, files.root());
  Answer running;
  std::thread caller([&] { running = Ask(before); });
  front.transport.AwaitStarted(1);

  const TestCertificate new_root = TestCertificate::Root("new root");
  files.Replace(new_root.IssueFor(kFrontName));
  ASSERT_EQ(front.certificates->Refresh(), FrontCertificates::Outcome::kReplaced);
  EXPECT_FALSE(Ask(ConnectTls(front.target, files.root())).status.ok()) << "the old one is gone";
  Answer fresh;
  std::thread newcomer([&] { fresh = Ask(ConnectTls(front.target, new_root)); });
  front.transport.AwaitStarted(2);
  front.transport.With(2, TellTenant);
  newcomer.join();
  EXPECT_TRUE(fresh.status.ok()) << fresh.status.error_message();

  front.transport.With(1, TellTenant);
  caller.join();
  EXPECT_TRUE(running.status.ok()) << running.status.error_message();
}

TEST(FrontTls, KeepsTheOldCertificateWhenTheNewOneDoesNotFit) {
  TlsFiles files;
  TlsFront front(files);
  files.Write(files.files().key_file,
              TestCertificate::Root("other").IssueFor(kFrontName).key_pem());
  EXPECT_EQ(front.certificates->Refresh(), FrontCertificates::Outcome::kRefused);
  EXPECT_TRUE(Ask(ConnectTls(front.target, files.root())).status.ok());
}

TEST(FrontTls, AHandshakeThatIsNeverFinishedGivesItsPlaceBack) {  // C-048
  const TlsFiles files;
  TlsFront front(files, TellTenant,
                 {.max_connections = 2, .handshake_timeout = std::chrono::milliseconds(200)});
  // One says nothing, one stops in the middle of its ClientHello.
  const int silent = DialLoopback(front.port());
  const int halfway = DialLoopback(front.port());
  const std::string begin("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  ASSERT_EQ(::send(halfway, begin.data(), begin.size(), MSG_NOSIGNAL), 11);
  for (const int fd : {silent, halfway}) {
    char byte = 0;
    EXPECT_LE(::recv(fd, &byte, 1, 0), 0) << "closed by the front";
    ::close(fd);
  }
  const std::shared_ptr<grpc::Channel> channel = ConnectTls(front.target, files.root());
  // Whether there is room again is looked at now and then.
  ASSERT_TRUE(
      channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(30)));
  EXPECT_TRUE(Ask(channel).status.ok());
}

}  // namespace
}  // namespace spillway
