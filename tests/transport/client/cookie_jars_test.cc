// Whose jars are whose, and how much of them there may be.

#include "transport/client/cookie_jars.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway {
namespace {

const WallTime kWall{std::chrono::seconds(1700000000)};
constexpr Instant kStart = Instant(hours(1));

CookieLimits Enabled() {
  CookieLimits limits;
  limits.enabled = true;
  return limits;
}

const CookiePlace kPlace = PlaceOf(*ParseUrl("http://h.test/"));

void Put(CookieJars& jars, const JarName& jar, const std::string& cookie, Instant now = kStart) {
  jars.Store(jar, kPlace, HeaderList{{"Set-Cookie", cookie}}, now, kWall);
}

std::string Get(CookieJars& jars, const JarName& jar, Instant now = kStart) {
  return jars.LineFor(jar, kPlace, now, kWall);
}

TEST(CookieJars, C075_AreRefusedUnlessConfigurationHasThem) {
  const CookieJars none{CookieLimits{}};
  const auto refusal = none.Refusal({"alice", "j"});
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->reason, Reason::kHttpRequestDenied);
  EXPECT_EQ(refusal->field, "options.cookie_jar");
  EXPECT_EQ(refusal->delivery, Delivery::kNotSent);
  EXPECT_FALSE(CookieJars(Enabled()).Refusal({"alice", "j"}).has_value());
}

TEST(CookieJars, C075_AreRefusedToCallersWithoutAnIdentity) {
  const CookieJars jars{Enabled()};
  ASSERT_TRUE(jars.Refusal({"", "j"}).has_value());
  EXPECT_EQ(jars.Refusal({"", "j"})->reason, Reason::kHttpRequestDenied);
  CookieLimits limits = Enabled();
  limits.allow_anonymous = true;
  EXPECT_FALSE(CookieJars(limits).Refusal({"", "j"}).has_value());
}

TEST(CookieJars, HaveNamesOfABoundedLength) {
  const CookieJars jars{Enabled()};
  EXPECT_FALSE(jars.Refusal({"a", std::string(kMaxJarNameBytes, 'n')}).has_value());
  const auto refusal = jars.Refusal({"a", std::string(kMaxJarNameBytes + 1, 'n')});
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->reason, Reason::kHttpRequestError);
}

TEST(CookieJars, C075_OneNameOfTwoOwnersIsTwoJars) {
  CookieJars jars{Enabled()};
  Put(jars, {"alice", "j"}, "who=alice");
  Put(jars, {"bob", "j"}, "who=bob");
  Put(jars, {"alice", "k"}, "other=1");
  EXPECT_EQ(Get(jars, {"alice", "j"}), "who=alice");
  EXPECT_EQ(Get(jars, {"bob", "j"}), "who=bob");
  EXPECT_EQ(Get(jars, {"alice", "k"}), "other=1");
  EXPECT_EQ(Get(jars, {"carol", "j"}), "");
  // An owner whose name ends as another's jar begins is still another.
  EXPECT_EQ(Get(jars, {"alicej", ""}), "");
  EXPECT_EQ(jars.size(), 3U);
}

TEST(CookieJars, ExistOnlyWhileTheyHoldACookie) {
  CookieJars jars{Enabled()};
  EXPECT_EQ(Get(jars, {"a", "j"}), "");
  jars.Store({"a", "j"}, kPlace, HeaderList{{"X", "y"}}, kStart, kWall);
  Put(jars, {"a", "j"}, "refused");
  EXPECT_EQ(jars.size(), 0U);
  Put(jars, {"a", "j"}, "n=1");
  EXPECT_EQ(jars.size(), 1U);
  EXPECT_GT(jars.bytes(), 0U);
  Put(jars, {"a", "j"}, "n=; Max-Age=0");
  EXPECT_EQ(jars.size(), 0U);
  EXPECT_EQ(jars.bytes(), 0U);
}

TEST(CookieJars, AreForgottenWhenNobodyUsesThem) {
  CookieLimits limits = Enabled();
  limits.idle_timeout = minutes(10);
  CookieJars jars{limits};
  Put(jars, {"a", "j"}, "n=1");
  Put(jars, {"b", "j"}, "n=2");
  EXPECT_EQ(Get(jars, {"a", "j"}, kStart + minutes(9)), "n=1");
  EXPECT_EQ(Get(jars, {"b", "j"}, kStart + minutes(10)), "");
  EXPECT_EQ(Get(jars, {"a", "j"}, kStart + minutes(10)), "n=1");
  EXPECT_EQ(jars.size(), 1U);
  limits.idle_timeout = kForever;
  CookieJars kept{limits};
  Put(kept, {"a", "j"}, "n=1");
  EXPECT_EQ(Get(kept, {"a", "j"}, kStart + hours(100000)), "n=1");
}

TEST(CookieJars, TakeTheirRoomFromWhoeverHasTheMost) {
  CookieLimits limits = Enabled();
  limits.max_jars = 4;
  CookieJars jars{limits};
  Put(jars, {"victim", "1"}, "n=1");
  for (int i = 0; i < 20; ++i) Put(jars, {"greedy", std::to_string(i)}, "n=1");
  EXPECT_EQ(jars.size(), 4U);
  EXPECT_EQ(Get(jars, {"victim", "1"}), "n=1") << "though unused for longest";
  EXPECT_EQ(Get(jars, {"greedy", "19"}), "n=1");
  EXPECT_EQ(Get(jars, {"greedy", "16"}), "");
}

TEST(CookieJars, TakeTheirBytesFromWhoeverHasTheMost) {
  CookieLimits limits = Enabled();
  limits.max_bytes = 10000;
  CookieJars jars{limits};
  Put(jars, {"victim", "1"}, "n=1");
  for (int i = 0; i < 20; ++i) {
    Put(jars, {"greedy", std::to_string(i)}, "n=" + std::string(2000, 'x'));
    EXPECT_LE(jars.bytes(), 10000U);
  }
  EXPECT_EQ(Get(jars, {"victim", "1"}), "n=1");
  EXPECT_EQ(Get(jars, {"greedy", "0"}), "");
  EXPECT_NE(Get(jars, {"greedy", "19"}), "");
  for (int i = 0; i < 20; ++i) Put(jars, {"greedy", std::to_string(i)}, "n=; Max-Age=0");
  Put(jars, {"victim", "1"}, "n=; Max-Age=0");
  EXPECT_EQ(jars.bytes(), 0U);
}

}  // namespace
}  // namespace spillway
