// Names to addresses, against nameservers that answer, change their mind, misbehave or are silent.

#include "transport/io/resolver.h"

#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>

#include "tests/harness/await.h"
#include "tests/harness/dns_server.h"
#include "transport/io/ares_lookup.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

using Answer = std::shared_ptr<const DnsAnswer>;

Answer ResolveNow(Resolver& resolver, const std::string& name,
                  AddressFamily family = AddressFamily::kAny) {
  std::promise<Answer> promise;
  resolver.Resolve(name, family, [&](const Answer& answer) { promise.set_value(answer); });
  return promise.get_future().get();
}

std::string Text(const DnsAnswer& answer) {
  if (answer.failure.has_value()) return std::string(Label(answer.failure->reason));
  std::string text;
  for (const IpAddress& address : answer.addresses) text += address.Text() + " ";
  return text;
}

class AresResolver : public testing::Test {
 protected:
  DnsServer server_;
  std::atomic<int> lookups_{0};
  ProcessLimits limits_;
  Resolver resolver_{limits_, nullptr, [this](Reason, Duration) { ++lookups_; }, server_.address()};
};

TEST_F(AresResolver, FindsAddressesOfBothFamilies) {
  server_.Set("both.test", {.ipv4 = {"192.0.2.1"}, .ipv6 = {"2001:db8::1"}});
  EXPECT_EQ(ResolveNow(resolver_, "both.test")->addresses.size(), 2U);
  EXPECT_EQ(Text(*ResolveNow(resolver_, "both.test", AddressFamily::kIpv4Only)), "192.0.2.1 ");
  EXPECT_EQ(Text(*ResolveNow(resolver_, "both.test", AddressFamily::kIpv6Only)), "2001:db8::1 ");
}

TEST_F(AresResolver, KnowsTheHostsFile) {  // O-268
  const Answer answer = ResolveNow(resolver_, "localhost", AddressFamily::kIpv4Only);
  EXPECT_EQ(Text(*answer), "127.0.0.1 ");
}

TEST_F(AresResolver, TellsWhyThereIsNoAddress) {  // O-249
  server_.Set("servfail.test", {.rcode = 2});
  server_.Set("refused.test", {.rcode = 5});
  server_.Set("nodata.test", {});
  EXPECT_EQ(Text(*ResolveNow(resolver_, "absent.test")), "destination_not_found");
  EXPECT_EQ(Text(*ResolveNow(resolver_, "nodata.test")), "destination_not_found");
  for (const char* name : {"servfail.test", "refused.test"}) {
    const Instant before = Now();
    const Answer answer = ResolveNow(resolver_, name);
    ASSERT_TRUE(answer->failure.has_value());
    EXPECT_GE(answer->failure->retry_at, After(before, limits_.dns_negative_ttl)) << "kept as long";
    EXPECT_LE(answer->failure->retry_at, After(Now(), limits_.dns_negative_ttl));
    EXPECT_EQ(answer->failure->reason, Reason::kDnsError) << name;
    EXPECT_EQ(answer->failure->delivery, Delivery::kNotSent);
    EXPECT_EQ(answer->failure->phase, Phase::kDns);
  }
}

TEST_F(AresResolver, AsksOnceForAllWhoWait) {  // O-251
  server_.Set("slow.test", {.manner = DnsServer::Zone::Manner::kSilent});
  std::atomic<int> told{0};
  for (int i = 0; i < 100; ++i) {
    resolver_.Resolve("slow.test", AddressFamily::kIpv4Only, [&](const Answer&) { ++told; });
  }
  EXPECT_TRUE(AwaitThat([&] { return server_.questions("slow.test") > 0; }));
  server_.Set("slow.test", {.ipv4 = {"192.0.2.7"}});  // it answers the next try
  EXPECT_TRUE(AwaitThat([&] { return told == 100; }));
  EXPECT_EQ(lookups_, 1);
}

TEST_F(AresResolver, IsNotHeldUpByADeadZone) {  // O-250
  server_.Set("alive.test", {.ipv4 = {"192.0.2.2"}});
  std::atomic<int> timed_out{0};
  for (int i = 0; i < 50; ++i) {
    const std::string name = "dead" + std::to_string(i) + ".test";
    server_.Set(name, {.manner = DnsServer::Zone::Manner::kSilent});
    resolver_.Resolve(name, [&](const Answer& answer) {
      timed_out += answer->failure && answer->failure->reason == Reason::kDnsTimeout ? 1 : 0;
    });
  }
  EXPECT_EQ(Text(*ResolveNow(resolver_, "alive.test")), "192.0.2.2 ");
  EXPECT_EQ(timed_out, 0);
  EXPECT_TRUE(AwaitThat([&] { return timed_out == 50; }));  // each by its deadline
}

TEST_F(AresResolver, MayBeCalledFromItsOwnCallbacks) {  // O-252
  server_.Set("first.test", {.ipv4 = {"192.0.2.1"}});
  server_.Set("second.test", {.ipv4 = {"192.0.2.2"}});
  std::promise<Answer> second;
  resolver_.Resolve("first.test", [&](const Answer&) {
    resolver_.Resolve("second.test", [&](const Answer& answer) { second.set_value(answer); });
  });
  EXPECT_EQ(Text(*second.get_future().get()), "192.0.2.2 ");
}

TEST_F(AresResolver, TakesTheLeastTtlOfTheChain) {  // O-263
  server_.Set("alias.test", {.ipv4 = {"192.0.2.1"}, .alias = "target.test", .ttl = 7});
  EXPECT_EQ(ResolveNow(resolver_, "alias.test", AddressFamily::kIpv4Only)->ttl, seconds(7));
  server_.Set("never.test", {.ipv4 = {"192.0.2.1"}, .ttl = 0});
  for (int i = 0; i < 20; ++i) ResolveNow(resolver_, "never.test", AddressFamily::kIpv4Only);
  EXPECT_LE(server_.questions("never.test"), 2);  // clamped to a second
}

TEST_F(AresResolver, SurvivesChainsThatNeverEndAndNamesThatCannotBe) {  // O-265
  server_.Set("loop.test", {.alias = "loop.test"});
  EXPECT_TRUE(ResolveNow(resolver_, "loop.test")->failure.has_value());
  EXPECT_TRUE(ResolveNow(resolver_, std::string(64, 'a') + ".test")->failure.has_value());
  std::string longest;
  for (int i = 0; i < 64; ++i) longest += "abc.";
  EXPECT_TRUE(ResolveNow(resolver_, longest + "test")->failure.has_value());
}

TEST_F(AresResolver, TakesNothingFromBrokenReplies) {  // O-267
  server_.Set("garbage.test", {.manner = DnsServer::Zone::Manner::kGarbage});
  server_.Set("cut.test", {.manner = DnsServer::Zone::Manner::kCutShort, .ipv4 = {"192.0.2.1"}});
  EXPECT_TRUE(ResolveNow(resolver_, "garbage.test", AddressFamily::kIpv4Only)->failure);
  EXPECT_TRUE(ResolveNow(resolver_, "cut.test", AddressFamily::kIpv4Only)->failure);
}

TEST_F(AresResolver, StopsUnderLookups) {
  server_.Set("dead.test", {.manner = DnsServer::Zone::Manner::kSilent});
  bool told = false;
  resolver_.Resolve("dead.test", [&](const Answer&) { told = true; });
  EXPECT_TRUE(AwaitThat([&] { return server_.questions("dead.test") > 0; }));
  resolver_.Stop();
  EXPECT_FALSE(told);
  resolver_.Resolve("dead.test", [&](const Answer&) { told = true; });
  EXPECT_FALSE(told);
}

TEST_F(AresResolver, RenewsItsPortAndForgetsNobody) {
  std::atomic<int> told{0};
  const int many = static_cast<int>(AresLookup::kLookupsPerChannel) * 3;
  for (int i = 0; i < many; ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    server_.Set(name, {.ipv4 = {"192.0.2.1"}});
    resolver_.Resolve(name, AddressFamily::kIpv4Only,
                      [&](const Answer& answer) { told += answer->failure ? 0 : 1; });
  }
  EXPECT_TRUE(AwaitThat([&] { return told == many; }));
}

TEST_F(AresResolver, LooksAgainAtNamesInUseUntilToldToStop) {
  server_.Set("used.test", {.ipv4 = {"192.0.2.1"}, .ttl = 1});
  std::mutex mu;
  std::vector<std::string> heard;
  ASSERT_TRUE(resolver_.Watch("used.test", AddressFamily::kIpv4Only, [&](const DnsAnswer& answer) {
    const std::lock_guard lock(mu);
    heard.push_back(Text(answer));
    return heard.size() < 2;
  }));
  ResolveNow(resolver_, "used.test", AddressFamily::kIpv4Only);  // an answer is an answer
  EXPECT_TRUE(AwaitThat([&] {
    const std::lock_guard lock(mu);
    return heard.size() == 1;
  }));
  server_.Set("used.test", {.ipv4 = {"192.0.2.2"}, .ttl = 1});
  EXPECT_TRUE(AwaitThat([&] {
    const std::lock_guard lock(mu);
    return heard.size() == 2;
  }));
  EXPECT_EQ(heard[1], "192.0.2.2 ");
  EXPECT_EQ(server_.questions("used.test"), 2);
}

TEST(Resolver, RefusesLookupsAboveItsLimit) {
  ProcessLimits limits;
  limits.max_pending_lookups = 1;
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  Resolver resolver(
      limits,
      [&](const std::string&, std::vector<std::string>&) {
        released.wait();
        return EAI_NONAME;
      },
      nullptr);
  std::promise<Answer> first;
  resolver.Resolve("a", [&](const Answer& answer) { first.set_value(answer); });
  EXPECT_EQ(Text(*ResolveNow(resolver, "b")), "dns_error");
  release.set_value();
  EXPECT_EQ(Text(*first.get_future().get()), "destination_not_found");
}

TEST(Resolver, CapsTheAddressesOfAName) {  // O-253
  ProcessLimits limits;
  limits.max_addresses = 3;
  Resolver resolver(
      limits,
      [](const std::string&, std::vector<std::string>& out) {
        for (int i = 0; i < 250; ++i) out.push_back("192.0.2." + std::to_string(i));
        return 0;
      },
      nullptr);
  EXPECT_EQ(ResolveNow(resolver, "many")->addresses.size(), 3U);
}

TEST(Resolver, BeginsWithTheFamilyThatWonAndEndsWithWhatFailed) {  // O-256
  Resolver resolver(ProcessLimits{}, nullptr, nullptr);
  const IpAddress six = *IpAddress::Parse("2001:db8::1");
  const IpAddress four = *IpAddress::Parse("192.0.2.1");
  EXPECT_EQ(resolver.Order("name", 80, {six, four}).front(), six);
  resolver.OnConnected("name", four, 80);
  EXPECT_EQ(resolver.Order("name", 80, {six, four}).front(), four);
  resolver.OnFailed(four, 80);
  EXPECT_EQ(resolver.Order("name", 80, {six, four}).front(), six);
}

}  // namespace
}  // namespace spillway
