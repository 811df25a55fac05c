#include "transport/connect/dns_cache.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

Instant At(int s) { return Instant(seconds(s)); }

std::shared_ptr<const DnsAnswer> Good() {
  auto answer = std::make_shared<DnsAnswer>();
  answer->addresses = {*IpAddress::Parse("192.0.2.1")};
  return answer;
}

std::shared_ptr<const DnsAnswer> Bad() {
  auto answer = std::make_shared<DnsAnswer>();
  answer->failure = Failure();
  return answer;
}

// O-249, O-263.
TEST(DnsCache, RemembersGoodAnswersLongerThanBadOnes) {
  DnsCache cache(10, {seconds(30), seconds(1)});
  cache.Store("good", Good(), At(0));
  cache.Store("bad", Bad(), At(0));
  EXPECT_NE(cache.Find("bad", At(0)), nullptr);
  EXPECT_EQ(cache.Find("bad", At(1)), nullptr);
  EXPECT_NE(cache.Find("good", At(29)), nullptr);
  EXPECT_EQ(cache.Find("good", At(30)), nullptr);
  EXPECT_EQ(cache.size(), 0U);
}

TEST(DnsCache, AZeroTimeRemembersNothing) {
  DnsCache cache(10, {seconds(0), seconds(0)});
  cache.Store("a", Good(), At(0));
  EXPECT_EQ(cache.Find("a", At(0)), nullptr);
}

TEST(DnsCache, DropsTheOldestAnswerWhenFull) {
  DnsCache cache(2, {seconds(30), seconds(1)});
  cache.Store("a", Good(), At(0));
  cache.Store("b", Good(), At(1));
  cache.Store("a", Good(), At(2));
  cache.Store("c", Good(), At(3));
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_EQ(cache.Find("b", At(3)), nullptr);
  EXPECT_NE(cache.Find("a", At(3)), nullptr);
  EXPECT_NE(cache.Find("c", At(3)), nullptr);
}

// O-269: only plain spellings are addresses.
TEST(IpAddress, ParsesOnlyDottedQuadsAndRfc4291Text) {
  for (const char* odd :
       {"127.1", "0x7f.0.0.1", "2130706433", "1.2.3", "fe80::1%lo", "[::1]", "", "1.2.3.4 "}) {
    EXPECT_FALSE(IpAddress::Parse(odd).has_value()) << odd;
  }
  EXPECT_EQ(IpAddress::Parse("0:0:0:0:0:0:0:1")->Text(), "::1");
  EXPECT_EQ(IpAddress::Parse("192.0.2.1")->Text(), "192.0.2.1");
  EXPECT_FALSE(IpAddress::Parse(std::string_view("1.2.3.4\0x", 9)).has_value());
}

// O-263: a TTL of nothing, of a second, of an hour, of ten years.
TEST(DnsCache, KeepsAnAnswerAsLongAsItsZoneSaysWithinReason) {
  const DnsCache cache(10, {minutes(5), seconds(1)});
  const auto lifetime = [&](std::optional<Duration> ttl) {
    DnsAnswer answer = *Good();
    answer.ttl = ttl;
    return cache.Lifetime(answer);
  };
  EXPECT_EQ(lifetime(seconds(0)), seconds(1));
  EXPECT_EQ(lifetime(seconds(1)), seconds(1));
  EXPECT_EQ(lifetime(seconds(42)), seconds(42));
  EXPECT_EQ(lifetime(minutes(60)), minutes(5));
  EXPECT_EQ(lifetime(hours(24 * 3650)), minutes(5));
  EXPECT_EQ(lifetime(std::nullopt), seconds(30));
  EXPECT_EQ(cache.Lifetime(*Bad()), seconds(1));
}

}  // namespace
}  // namespace spillway
