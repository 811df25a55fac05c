// Users behind Unix sockets: told apart for as long as their connections live, and never mixed up.

#include "server/unix_identities.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "server/caller_identity.h"
#include "tests/server/front_fixture.h"

namespace spillway {
namespace {

using std::chrono::seconds;

uid_t next_uid = 0;
std::optional<uid_t> FakeUid(int /*fd*/) { return next_uid; }
std::optional<uid_t> NoUid(int /*fd*/) { return std::nullopt; }

void TellTenant(FakeTransport::Exchange& exchange) {
  HeaderList headers;
  headers.Add("tenant", exchange.request().tenant);
  exchange.Head(200, std::move(headers));
  exchange.End();
}

// A server whose Unix connections are made here, each for a user of our choice.
class Users : public testing::Test {
 protected:
  static constexpr std::size_t kSlots = 2;

  Users() : listener_(OpenListener("unix:" + TempPath("users.sock"))) {
    identities_.set_peer_uid(FakeUid);
    identities_.Attach(builder_, kSlots);
    builder_.RegisterService(&service_);
    server_ = builder_.BuildAndStart();
  }
  ~Users() override {
    transport_.Shutdown();
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  // A connection of `uid`; its channel must be asked or dropped before the next is made.
  std::shared_ptr<grpc::Channel> ConnectAs(uid_t uid, UnixIdentities::Clock::time_point now) {
    const auto channel = Connect(listener_.address().Text());
    channel->GetState(true);
    int fd = -1;
    while (fd < 0) fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    next_uid = uid;
    identities_.HandOn(listener_.fd(), fd, now);
    return channel;
  }

  // The identity that a call on `channel` has; "closed" when it gets nowhere.
  static std::string TenantOf(const std::shared_ptr<grpc::Channel>& channel) {
    const auto stub = v1::Egress::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + seconds(30));
    v1::HttpResponse response;
    if (!stub->RoundTrip(&context, Get(), &response).ok()) return "closed";
    return response.headers(0).value();
  }

  FakeTransport transport_{TellTenant};
  Admission admission_{AdmissionLimits{}};
  CallObserver observer_;
  EgressService service_{{.transport = &transport_,
                          .admission = &admission_,
                          .observer = &observer_,
                          .max_response_bytes = 64 * 1024 * 1024}};
  Listener listener_;
  grpc::ServerBuilder builder_;
  UnixIdentities identities_;
  std::unique_ptr<grpc::Server> server_;
  const UnixIdentities::Clock::time_point start_ = UnixIdentities::Clock::now();
};

TEST_F(Users, AreToldApart) {
  const auto one = ConnectAs(1001, start_);
  EXPECT_EQ(TenantOf(one), "uid:1001");
  const auto two = ConnectAs(1002, start_);
  EXPECT_EQ(TenantOf(two), "uid:1002");
  const auto again = ConnectAs(1001, start_);
  EXPECT_EQ(TenantOf(again), "uid:1001");
  EXPECT_EQ(TenantOf(two), "uid:1002");
  EXPECT_EQ(TenantOf(one), "uid:1001");
}

TEST_F(Users, AreRefusedRatherThanMixedUpWhenThereAreTooMany) {
  const auto one = ConnectAs(1001, start_);
  EXPECT_EQ(TenantOf(one), "uid:1001");
  auto two = ConnectAs(1002, start_);
  EXPECT_EQ(TenantOf(two), "uid:1002");
  // A third finds no place while both live, nor just after one has left.
  const auto refused = [this](UnixIdentities::Clock::time_point now) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    next_uid = 1003;
    identities_.HandOn(listener_.fd(), ends[0], now);
    char byte = 0;
    const bool closed = ::recv(ends[1], &byte, 1, 0) == 0;
    ::close(ends[1]);
    return closed;
  };
  EXPECT_TRUE(refused(start_ + seconds(100)));
  two.reset();
  auto now = start_ + seconds(200);
  EXPECT_TRUE(refused(now)) << "its place is not free before a while has passed";
  // How soon the server notices that the connection ended is its own affair.
  for (int i = 0; i < 1'000'000 && refused(now); ++i) now += seconds(61);
  const auto three = ConnectAs(1003, now);
  EXPECT_EQ(TenantOf(three), "uid:1003");
  EXPECT_EQ(TenantOf(one), "uid:1001");
}

TEST_F(Users, AreRefusedWhenTheKernelDoesNotKnowThem) {
  identities_.set_peer_uid(NoUid);
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  identities_.HandOn(listener_.fd(), ends[0], start_);
  char byte = 0;
  EXPECT_EQ(::recv(ends[1], &byte, 1, 0), 0);
  ::close(ends[1]);
}

}  // namespace
}  // namespace spillway
