// Names, addresses and dials as seen from outside (O-249 to O-260, D1 to D10, T1, decision 2 of the
// design: a dead origin never makes callers wait).

#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/await.h"
#include "tests/harness/test_client.h"
#include "tests/origin/origin.h"

namespace spillway {
namespace {

using Addresses = std::vector<std::string>;

// A resolver that answers from a table; names under "hung." wait for the board first.
TestClient::Options WithNames(std::map<std::string, Addresses> names,
                              std::shared_ptr<Board> board = nullptr,
                              std::shared_ptr<std::atomic<int>> lookups = nullptr) {
  TestClient::Options options;
  options.lookup = [names = std::move(names), board, lookups](const std::string& host,
                                                              Addresses& addresses) {
    if (lookups != nullptr) ++*lookups;
    if (host.starts_with("hung.") && board != nullptr) {
      board->Signal("looking");
      board->Await("answer");
    }
    const auto at = names.find(host);
    if (at == names.end()) return EAI_NONAME;
    addresses = at->second;
    return 0;
  };
  return options;
}

std::string UrlOf(const std::string& host, std::uint16_t port, const std::string& path = "/a") {
  return "http://" + host + ":" + std::to_string(port) + path;
}

// An origin on 127.0.0.1 whose port is a silent or closed one on another loopback address.
template <typename Blocker>
struct Pair {
  Pair() {
    for (int i = 0; i < 50 && blocker == nullptr; ++i) {
      origin = std::make_unique<Origin>("serve\n");
      auto candidate = std::make_unique<Blocker>("127.0.0.2", origin->port());
      if (candidate->port() == origin->port()) blocker = std::move(candidate);
    }
  }
  std::unique_ptr<Origin> origin;
  std::unique_ptr<Blocker> blocker;
};

TEST(Dial, O249AnUnknownNameFailsAtOnceAndIsNotSent) {
  TestClient client(WithNames({}));
  const Story story = client.Get("http://nowhere.test/").Finish();
  EXPECT_EQ(story.reason(), Reason::kDestinationNotFound) << story.Text();
  EXPECT_EQ(story.phase(), Phase::kDns);
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
}

TEST(Dial, O249EveryFailureOfTheResolverIsNotSent) {
  for (const int code : {EAI_AGAIN, EAI_FAIL, EAI_SYSTEM, EAI_MEMORY, EAI_NODATA}) {
    TestClient::Options options;
    options.lookup = [code](const std::string&, Addresses&) { return code; };
    TestClient client(std::move(options));
    const Story story = client.Get("http://broken.test/").Finish();
    EXPECT_EQ(story.delivery(), Delivery::kNotSent) << story.Text();
    EXPECT_EQ(story.phase(), Phase::kDns) << story.Text();
    EXPECT_TRUE(story.reason() == Reason::kDnsError ||
                story.reason() == Reason::kDestinationNotFound)
        << story.Text();
  }
}

TEST(Dial, O249ANameWithoutAddressesIsNotSent) {
  TestClient client(WithNames({{"empty.test", {}}}));
  const Story story = client.Get("http://empty.test/").Finish();
  EXPECT_FALSE(story.ok());
  EXPECT_EQ(story.delivery(), Delivery::kNotSent) << story.Text();
}

TEST(Dial, O250AHungNameDelaysNobodyElse) {
  Origin origin("serve\n");
  auto board = std::make_shared<Board>();
  TestClient::Options options = WithNames({{"fine.test", {"127.0.0.1"}}}, board);
  options.limits.resolver_threads = 2;
  TestClient client(std::move(options));
  const Call hung = client.Get(UrlOf("hung.test", origin.port()));
  ASSERT_TRUE(board->Await("looking"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(client.Get(UrlOf("fine.test", origin.port())).Finish().ok());
  }
  EXPECT_FALSE(hung.sink->ended());
  board->Signal("answer");
  EXPECT_FALSE(hung.Finish().ok());
}

TEST(Dial, O250AHungNameEndsAtTheConnectBudget) {
  auto board = std::make_shared<Board>();
  TestClient::Options options = WithNames({}, board);
  options.destination.timeouts.connect = milliseconds(30);
  TestClient client(std::move(options));
  const Story story = client.Get("http://hung.test/").Finish();
  EXPECT_EQ(story.reason(), Reason::kDnsTimeout) << story.Text();
  EXPECT_EQ(story.phase(), Phase::kDns);
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
  board->Signal("answer");
}

TEST(Dial, O251AHundredRequestsForOneNameAreOneLookup) {
  Origin origin("serve\n");
  auto board = std::make_shared<Board>();
  auto lookups = std::make_shared<std::atomic<int>>(0);
  TestClient client(WithNames({{"hung.test", {"127.0.0.1"}}}, board, lookups));
  std::vector<Call> calls;
  for (int i = 0; i < 100; ++i) calls.push_back(client.Get(UrlOf("hung.test", origin.port())));
  ASSERT_TRUE(board->Await("looking"));
  calls[0].handle->Cancel();
  EXPECT_EQ(calls[0].Finish().reason(), Reason::kCancelled);
  board->Signal("answer");
  for (std::size_t i = 1; i < calls.size(); ++i) {
    const Story story = calls[i].Finish();
    EXPECT_TRUE(story.ok()) << "cancelling one must cancel nobody else: " << story.Text();
  }
  EXPECT_EQ(lookups->load(), 1);
}

TEST(Dial, O253AThousandAddressesAreCapped) {
  Addresses many(1000, "127.0.0.3");
  std::atomic<int> tried = 0;
  TestClient::Options options = WithNames({{"many.test", many}});
  options.limits.max_addresses = 8;
  options.address_allowed = [&](const ::sockaddr*, unsigned) {
    ++tried;
    return false;
  };
  TestClient client(std::move(options));
  const Story story = client.Get("http://many.test/").Finish();
  EXPECT_EQ(story.reason(), Reason::kDestinationIpProhibited) << story.Text();
  EXPECT_LE(tried.load(), 8);
}

TEST(Dial, O254ASilentAddressIsJoinedByTheNextAfterTheGap) {  // D10
  const Pair<SilentPort> pair;
  ASSERT_NE(pair.blocker, nullptr);
  TestClient::Options options = WithNames({{"two.test", {"127.0.0.2", "127.0.0.1"}}});
  options.destination.timeouts.connect_attempt_gap = milliseconds(10);
  TestClient client(std::move(options));
  const Story story = client.Get(UrlOf("two.test", pair.origin->port())).Finish();
  EXPECT_TRUE(story.ok()) << story.Text();
  ASSERT_NE(story.record.connection, nullptr);
  EXPECT_GE(story.record.connection->connect, milliseconds(10));
  EXPECT_EQ(story.record.connection->remote_address,
            "127.0.0.1:" + std::to_string(pair.origin->port()));
}

TEST(Dial, O255ARefusedAddressIsReplacedAtOnce) {
  const Pair<ClosedPort> pair;
  ASSERT_NE(pair.blocker, nullptr);
  TestClient::Options options = WithNames({{"two.test", {"127.0.0.2", "127.0.0.1"}}});
  options.destination.timeouts.connect_attempt_gap = hours(1);
  TestClient client(std::move(options));
  const Story story = client.Get(UrlOf("two.test", pair.origin->port())).Finish();
  EXPECT_TRUE(story.ok()) << "the gap must not be waited for: " << story.Text();
}

TEST(Dial, O256ABrokenFamilyIsPassedOver) {
  Origin origin("serve\n");
  TestClient client(WithNames({{"both.test", {"::1", "127.0.0.1"}}}));
  const Story story = client.Get(UrlOf("both.test", origin.port())).Finish();
  EXPECT_TRUE(story.ok()) << story.Text();
}

TEST(Dial, C029AnIpv6LiteralIsDialledAndNamedInBrackets) {
  OriginOptions v6;
  v6.address = "::1";
  Origin origin(std::move(v6));
  TestClient client;
  if (!origin.listening()) {  // a machine without IPv6: the dial must say so
    EXPECT_EQ(client.Get("http://[::1]:9/").Finish().delivery(), Delivery::kNotSent);
    return;
  }
  const Story story = client.Get(origin.url("/a")).Finish();
  EXPECT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(origin.seen()[0].requests[0].Find("Host"), "[::1]:" + std::to_string(origin.port()));
}

TEST(Dial, O258WhenEveryAddressFailsTheErrorNamesThem) {
  const ClosedPort closed;
  TestClient client(WithNames({{"dead.test", {"127.0.0.1", "127.0.0.4"}}}));
  const Story story = client.Get(UrlOf("dead.test", closed.port())).Finish();
  EXPECT_EQ(story.reason(), Reason::kConnectionRefused) << story.Text();
  EXPECT_EQ(story.phase(), Phase::kConnect);
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
  EXPECT_NE(story.record.failure->message.find("127.0.0.1"), std::string::npos) << story.Text();
  EXPECT_NE(story.record.failure->message.find("127.0.0.4"), std::string::npos) << story.Text();
  EXPECT_LE(story.record.failure->message.size(), kMaxFailureMessage);
}

TEST(Dial, O259OnlyOneOfTwoConnectionsIsUsed) {
  OriginOptions everywhere;
  everywhere.address = "0.0.0.0";
  Origin origin(std::move(everywhere));
  ASSERT_TRUE(origin.listening());
  TestClient::Options options = WithNames({{"twins.test", {"127.0.0.1", "127.0.0.2"}}});
  options.destination.timeouts.connect_attempt_gap = std::chrono::nanoseconds(1);
  TestClient client(std::move(options));
  EXPECT_TRUE(client.Get(UrlOf("twins.test", origin.port())).Finish().ok());
  EXPECT_TRUE(client.Get(UrlOf("twins.test", origin.port())).Finish().ok());
  std::size_t used = 0;
  std::size_t requests = 0;
  for (const auto& connection : origin.seen()) {
    used += connection.requests.empty() ? 0 : 1;
    requests += connection.requests.size();
  }
  EXPECT_EQ(used, 1U);
  EXPECT_EQ(requests, 2U);
}

TEST(Dial, O270AFailureOnOurSideIsTypedAndNotSent) {
  Origin origin("serve\n");
  TestClient::Options options;
  options.destination.addresses.source = IpAddress::Parse("192.0.2.1");  // not ours: EADDRNOTAVAIL
  TestClient client(std::move(options));
  const Story story = client.Get(origin.url("/a")).Finish();
  EXPECT_EQ(story.reason(), Reason::kConnectionError) << story.Text();
  EXPECT_EQ(story.record.failure->source, Source::kService);
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
  EXPECT_TRUE(origin.seen().empty());
}

TEST(Dial, O260RefusedAddressesArePassedOverAndOthersUsed) {
  Origin origin("serve\n");
  TestClient::Options options = WithNames({{"mixed.test", {"169.254.169.254", "127.0.0.1"}}});
  options.address_allowed = [](const ::sockaddr* address, unsigned length) {
    sockaddr_in in{};
    std::memcpy(&in, address, std::min<std::size_t>(length, sizeof in));
    return ntohl(in.sin_addr.s_addr) >> 24U == 127;
  };
  TestClient client(std::move(options));
  EXPECT_TRUE(client.Get(UrlOf("mixed.test", origin.port())).Finish().ok());
}

TEST(Dial, O261EveryDialIsCheckedAgain) {
  Origin origin("serve\n");
  std::atomic<bool> allowed = true;
  TestClient::Options options = WithNames({{"rebind.test", {"127.0.0.1"}}});
  options.address_allowed = [&](const ::sockaddr*, unsigned) { return allowed.load(); };
  TestClient client(std::move(options));
  EXPECT_TRUE(client.Get(UrlOf("rebind.test", origin.port())).Finish().ok());
  allowed = false;
  Request request;
  request.url = UrlOf("rebind.test", origin.port());
  request.fresh_connection = true;
  const Story story = client.Start(std::move(request)).Finish();
  EXPECT_EQ(story.reason(), Reason::kDestinationIpProhibited) << story.Text();
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
}

TEST(Dial, T1ASilentOriginEndsAtTheConnectBudget) {
  const SilentPort silent;
  ASSERT_TRUE(silent.ok());
  TestClient::Options options;
  options.destination.timeouts.connect = milliseconds(30);
  TestClient client(std::move(options));
  const Story story = client.Get(UrlOf("127.0.0.1", silent.port())).Finish();
  EXPECT_EQ(story.reason(), Reason::kConnectionTimeout) << story.Text();
  EXPECT_EQ(story.phase(), Phase::kConnect);
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
}

TEST(Dial, C036ADeadlineThatPassesWhileDiallingSaysNotSent) {
  const SilentPort silent;
  ASSERT_TRUE(silent.ok());
  TestClient client;
  Request request;
  request.url = UrlOf("127.0.0.1", silent.port());
  request.deadline = After(client.transport().Now(), milliseconds(30));
  const Story story = client.Start(std::move(request)).Finish();
  EXPECT_EQ(story.reason(), Reason::kDeadlineExceeded) << story.Text();
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
}

TEST(Dial, ADeadOriginRefusesNewArrivalsAtOnceWhileItBacksOff) {
  const ClosedPort closed;
  TestClient::Options options;
  options.destination.pool.backoff_initial = hours(1);
  options.destination.pool.backoff_max = hours(1);
  TestClient client(std::move(options));
  const std::string url = UrlOf("127.0.0.1", closed.port());
  EXPECT_EQ(client.Get(url).Finish().reason(), Reason::kConnectionRefused);
  const auto dials = client.counts().dials;
  for (int i = 0; i < 100; ++i) {
    const Story story = client.Get(url).Finish();
    EXPECT_EQ(story.reason(), Reason::kConnectionRefused) << story.Text();
    EXPECT_EQ(story.delivery(), Delivery::kNotSent);
  }
  EXPECT_EQ(client.counts().dials, dials) << "dialled in spite of the back-off";
}

TEST(Dial, AnOriginThatComesBackIsFoundAgain) {
  auto closed = std::make_unique<ClosedPort>();
  const std::uint16_t port = closed->port();
  TestClient::Options options;
  options.destination.pool.backoff_initial = milliseconds(1);
  options.destination.pool.backoff_max = milliseconds(1);
  TestClient client(std::move(options));
  EXPECT_FALSE(client.Get(UrlOf("127.0.0.1", port)).Finish().ok());
  closed.reset();
  OriginOptions back;
  back.port = port;
  const Origin origin(std::move(back));
  ASSERT_TRUE(origin.listening());
  EXPECT_TRUE(AwaitThat([&] { return client.Get(UrlOf("127.0.0.1", port)).Finish().ok(); }));
}

TEST(Dial, D1WhoeverIsReadyFirstServesTheLongestWaiter) {  // D2: the loser's dial is kept
  Origin origin("expect_head\nsignal here\nwait_for go\nanswer 200 \"first\"\n");
  auto board = std::make_shared<Board>();
  auto lookups = std::make_shared<std::atomic<int>>(0);
  TestClient::Options options;
  options.limits.dns_positive_ttl = std::chrono::nanoseconds(1);
  options.lookup = [board, lookups](const std::string&, Addresses& addresses) {
    if (++*lookups > 1) {
      board->Signal("looking");
      board->Await("answer");
    }
    addresses = {"127.0.0.1"};
    return 0;
  };
  TestClient client(std::move(options));
  const Call first = client.Get(UrlOf("late.test", origin.port(), "/first"));
  ASSERT_TRUE(origin.board().Await("here"));
  const Call second = client.Get(UrlOf("late.test", origin.port(), "/second"));
  ASSERT_TRUE(board->Await("looking"));
  origin.board().Signal("go");
  EXPECT_TRUE(first.Finish().ok());
  const Story story = second.Finish();
  EXPECT_TRUE(story.ok()) << story.Text();
  EXPECT_TRUE(story.record.reused) << "the released connection came first";
  board->Signal("answer");
  EXPECT_TRUE(client.AwaitIdle(2)) << "the late dial should be kept for others";
  EXPECT_EQ(client.counts().acquired.at("coalesced"), 1U);
}

TEST(Dial, D9AnUnusedConnectionThatTheOriginWritesToIsDropped) {  // O-109
  OriginOptions options;
  options.scripts = {
      MustParse("wait_for talk\nsend \"HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\n\\r\\n"
                "evil\"\nsignal talked\nstall\n")};
  Origin origin(std::move(options));
  auto board = std::make_shared<Board>();
  TestClient client(WithNames({{"hung.test", {"127.0.0.1"}}}, board));
  const std::string url = UrlOf("hung.test", origin.port());
  const Call orphan = client.Get(url);
  ASSERT_TRUE(board->Await("looking"));
  orphan.handle->Cancel();
  board->Signal("answer");
  ASSERT_TRUE(client.AwaitIdle(1));
  origin.board().Signal("talk");
  ASSERT_TRUE(origin.board().Await("talked"));
  const Story story = client.Get(url).Finish();
  EXPECT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(story.body, "served") << "bytes that came before the request are not its answer";
  EXPECT_EQ(origin.log().connection_count(), 2U);
}

}  // namespace
}  // namespace spillway
