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

namespace spillway {
namespace {

struct Child {
  pid_t pid = -1;
  std::uint16_t port = 0;
  int commands = -1;  // a byte asks for the number of backoffs; closing ends the child
  int answers = -1;
};
Child child;

void Answer(FakeTransport::Exchange& exchange) {
  exchange.Head(200, {});
  exchange.End();
}

void Serve(int commands, int answers) {
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
  const std::unique_ptr<Front> front = StartFront(std::move(options));
  SPILLWAY_CHECK(::write(answers, &port, sizeof port) == sizeof port);
  char byte = 0;
  while (::read(commands, &byte, 1) == 1) {
    const std::uint64_t backoffs = front->stats().backoffs;
    SPILLWAY_CHECK(::write(answers, &backoffs, sizeof backoffs) == sizeof backoffs);
  }
}

// Before anything of gRPC runs in this process.
void StartChild() {
  int commands[2];
  int answers[2];
  SPILLWAY_CHECK(::pipe(commands) == 0 && ::pipe(answers) == 0);
  child.pid = ::fork();
  SPILLWAY_CHECK(child.pid >= 0);
  if (child.pid == 0) {
    ::close(commands[1]);
    ::close(answers[0]);
    Serve(commands[0], answers[1]);
    ::_exit(0);
  }
  ::close(commands[0]);
  ::close(answers[1]);
  child.commands = commands[1];
  child.answers = answers[0];
  SPILLWAY_CHECK(::read(child.answers, &child.port, sizeof child.port) == sizeof child.port);
}

std::uint64_t Backoffs() {
  std::uint64_t count = 0;
  SPILLWAY_CHECK(::write(child.commands, "?", 1) == 1);
  SPILLWAY_CHECK(::read(child.answers, &count, sizeof count) == sizeof count);
  return count;
}

std::size_t Descriptors() {
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(child.pid) + "/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

bool Probe() {
  const auto stub = v1::Egress::NewStub(Connect("127.0.0.1:" + std::to_string(child.port)));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::HttpResponse response;
  return stub->RoundTrip(&context, Get(), &response).ok();
}

TEST(AcceptLoop, RecoversFromRunningOutOfDescriptors) {
  ASSERT_TRUE(Probe());
  const std::size_t before = Descriptors();
  std::vector<int> callers;
  for (int i = 0; i < 100; ++i) callers.push_back(DialLoopback(child.port));
  while (Backoffs() < 2) std::this_thread::yield();
  EXPECT_GE(Descriptors(), 63u);
  for (const int fd : callers) ::close(fd);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Probe()) << i;
  for (int i = 0; i < 1'000'000 && Descriptors() > before; ++i) std::this_thread::yield();
  EXPECT_LE(Descriptors(), before);
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  spillway::StartChild();
  testing::InitGoogleTest(&argc, argv);
  const int result = RUN_ALL_TESTS();
  ::close(spillway::child.commands);
  int status = 0;
  ::waitpid(spillway::child.pid, &status, 0);
  return result != 0 || status != 0 ? 1 : 0;
}
