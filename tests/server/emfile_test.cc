// The accept loop at the descriptor limit, in a process that has few (X-020, X-023; the fault of
// gRPC's own loop that ours exists to avoid).
//
// The server is a child with 64 descriptors and no useful cap on connections; the test floods it
// until accept fails for want of descriptors, lets go, and asks a hundred times.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tests/server/front_fixture.h"
#include "tests/server/loopback.h"
#include "tests/server/tls_files.h"

namespace spillway {
namespace {

struct Child {
  bool tls = false;
  pid_t pid = -1;
  std::uint16_t port = 0;
  int commands = -1;  // a byte asks for the number of backoffs; closing ends the child
  int answers = -1;
};
Child children[2];
std::unique_ptr<TlsFiles> files;  // made before the children

void Answer(FakeTransport::Exchange& exchange) {
  exchange.Head(200, {});
  exchange.End();
}

void Serve(bool tls, int commands, int answers) {
  const rlimit limit = {64, 64};
  ::setrlimit(RLIMIT_NOFILE, &limit);
  FakeTransport transport(Answer);
  Admission admission{AdmissionLimits{}};
  CallObserver observer;
  EgressService service({.transport = &transport,
                         .admission = &admission,
                         .observer = &observer,
                         .max_response_bytes = 64 * 1024 * 1024});
  FrontOptions options;
  options.listeners.push_back(OpenListener("127.0.0.1:0"));
  const std::uint16_t port = options.listeners.front().address().port;
  options.services = {{EgressService::kName, &service}};
  options.limits.max_connections = 1000;
  if (tls) options.certificates = files->Load();
  const std::unique_ptr<Front> front = StartFront(std::move(options));
  SPILLWAY_CHECK(::write(answers, &port, sizeof port) == sizeof port);
  char byte = 0;
  while (::read(commands, &byte, 1) == 1) {
    const std::uint64_t backoffs = front->stats().backoffs;
    SPILLWAY_CHECK(::write(answers, &backoffs, sizeof backoffs) == sizeof backoffs);
  }
}

// Before anything of gRPC runs in this process.
void StartChild(Child& child) {
  int commands[2];
  int answers[2];
  SPILLWAY_CHECK(::pipe(commands) == 0 && ::pipe(answers) == 0);
  child.pid = ::fork();
  SPILLWAY_CHECK(child.pid >= 0);
  if (child.pid == 0) {
    ::close(commands[1]);
    ::close(answers[0]);
    // Of a child made before, which would not see them closed while they are open here.
    for (const Child& other : children) {
      if (other.commands < 0) continue;
      ::close(other.commands);
      ::close(other.answers);
    }
    Serve(child.tls, commands[0], answers[1]);
    ::_exit(0);
  }
  ::close(commands[0]);
  ::close(answers[1]);
  child.commands = commands[1];
  child.answers = answers[0];
  SPILLWAY_CHECK(::read(child.answers, &child.port, sizeof child.port) == sizeof child.port);
}

std::uint64_t Backoffs(const Child& child) {
  std::uint64_t count = 0;
  SPILLWAY_CHECK(::write(child.commands, "?", 1) == 1);
  SPILLWAY_CHECK(::read(child.answers, &count, sizeof count) == sizeof count);
  return count;
}

std::size_t Descriptors(const Child& child) {
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(child.pid) + "/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

std::shared_ptr<grpc::Channel> Dial(const Child& child) {
  const std::string target = "127.0.0.1:" + std::to_string(child.port);
  if (!child.tls) return Connect(target);
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = files->root().pem();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetSslTargetNameOverride(kFrontName);
  return grpc::CreateCustomChannel(target, grpc::SslCredentials(options), arguments);
}

bool Probe(const Child& child) {
  const auto stub = v1::Egress::NewStub(Dial(child));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::HttpResponse response;
  return stub->RoundTrip(&context, Get(), &response).ok();
}

class AcceptLoop : public testing::TestWithParam<int> {};

TEST_P(AcceptLoop, RecoversFromRunningOutOfDescriptors) {
  const Child& child = children[GetParam()];
  ASSERT_TRUE(Probe(child));
  const std::size_t before = Descriptors(child);
  std::vector<int> callers;
  for (int i = 0; i < 100; ++i) callers.push_back(DialLoopback(child.port));
  while (Backoffs(child) < 2) std::this_thread::yield();
  EXPECT_GE(Descriptors(child), 63u);
  for (const int fd : callers) ::close(fd);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Probe(child)) << i;
  for (int i = 0; i < 1'000'000 && Descriptors(child) > before; ++i) std::this_thread::yield();
  EXPECT_LE(Descriptors(child), before);
}

INSTANTIATE_TEST_SUITE_P(Front, AcceptLoop, testing::Values(0, 1), [](const auto& row) {
  return children[row.param].tls ? "Tls" : "ClearText";
});

}  // namespace

int Main(int argc, char** argv) {
  files = std::make_unique<TlsFiles>();
  children[1].tls = true;
  for (Child& child : children) StartChild(child);
  testing::InitGoogleTest(&argc, argv);
  int result = RUN_ALL_TESTS();
  for (const Child& child : children) {
    ::close(child.commands);
    int status = 0;
    ::waitpid(child.pid, &status, 0);
    if (status != 0) result = 1;
  }
  return result;
}

}  // namespace spillway

int main(int argc, char** argv) { return spillway::Main(argc, argv); }
