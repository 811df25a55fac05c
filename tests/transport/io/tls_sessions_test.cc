#include "transport/io/tls_sessions.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace spillway {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const Instant kNow{seconds(1000)};
const auto kWall = std::chrono::system_clock::time_point(hours(24 * 365 * 50));

TlsSession Session(const std::string& der, bool single_use = true) {
  TlsSession session;
  session.der = der;
  session.single_use = single_use;
  return session;
}

std::string Taken(TlsSessionCache& cache, const std::string& key, Instant now = kNow) {
  const std::optional<TlsSession> session = cache.Take(key, now, kWall);
  return session ? session->der : "none";
}

TEST(TlsSessionCache, GivesATicketOnceAndTheNewestFirst) {
  TlsSessionCache cache;
  cache.Put("a", Session("one"), kNow);
  cache.Put("a", Session("two"), kNow);
  cache.Put("b", Session("other"), kNow);
  EXPECT_EQ("two", Taken(cache, "a"));
  EXPECT_EQ("one", Taken(cache, "a"));
  EXPECT_EQ("none", Taken(cache, "a"));
  EXPECT_EQ("other", Taken(cache, "b"));
  EXPECT_EQ(0u, cache.Counts().entries);
  EXPECT_EQ(0u, cache.Counts().bytes);
  EXPECT_EQ(3u, cache.Counts().given);
}

TEST(TlsSessionCache, GivesASessionOfTls12AsOftenAsAskedAndKeepsOne) {
  TlsSessionCache cache;
  cache.Put("a", Session("one", false), kNow);
  EXPECT_EQ("one", Taken(cache, "a"));
  EXPECT_EQ("one", Taken(cache, "a"));
  cache.Put("a", Session("two", false), kNow);
  EXPECT_EQ("two", Taken(cache, "a"));
  EXPECT_EQ(1u, cache.Counts().entries);
}

TEST(TlsSessionCache, IsBoundedUnderOneKeyAndInAll_O239) {
  TlsSessionLimits limits;
  limits.entries = 10;
  limits.per_key = 3;
  TlsSessionCache cache(limits);
  for (int i = 0; i < 1000; ++i) cache.Put("a", Session("a" + std::to_string(i)), kNow);
  EXPECT_EQ(3u, cache.Counts().entries);
  EXPECT_EQ("a999", Taken(cache, "a"));
  for (int i = 0; i < 1000; ++i) cache.Put("k" + std::to_string(i), Session("x"), kNow);
  EXPECT_EQ(10u, cache.Counts().entries);
  EXPECT_EQ("none", Taken(cache, "a"));  // the oldest went first
  EXPECT_EQ("x", Taken(cache, "k990"));
  EXPECT_EQ("none", Taken(cache, "k989"));
  EXPECT_EQ(997u + 2 + 990, cache.Counts().evicted);
}

TEST(TlsSessionCache, IsBoundedInBytes_O239) {
  TlsSessionLimits limits;
  limits.bytes = 10'000;
  limits.session_bytes = 5000;
  TlsSessionCache cache(limits);
  cache.Put("a", Session(std::string(5000, 'x')), kNow);  // with its key it is too large
  EXPECT_EQ(0u, cache.Counts().entries);
  for (int i = 0; i < 20; ++i) cache.Put("a", Session(std::string(999, 'x')), kNow);
  EXPECT_EQ(10u, cache.Counts().entries);
  EXPECT_EQ(10'000u, cache.Counts().bytes);
}

TEST(TlsSessionCache, GivesNothingThatIsTooOld_O239) {
  TlsSessionLimits limits;
  limits.max_age = minutes(10);
  TlsSessionCache cache(limits);
  TlsSession brief = Session("brief");
  brief.expires = kNow + minutes(1);
  cache.Put("a", Session("long"), kNow);
  cache.Put("a", brief, kNow);
  EXPECT_EQ("long", Taken(cache, "a", kNow + minutes(1)));
  EXPECT_EQ(1u, cache.Counts().expired);
  cache.Put("a", Session("long"), kNow);
  EXPECT_EQ("none", Taken(cache, "a", kNow + minutes(10)));
  EXPECT_EQ(0u, cache.Counts().entries);
}

TEST(TlsSessionCache, GivesNothingWhoseCertificatesHaveExpired_O240) {
  TlsSessionCache cache;
  TlsSession session = Session("x", false);
  session.chain_not_after = kWall + hours(1);
  cache.Put("a", session, kNow);
  EXPECT_TRUE(cache.Take("a", kNow, kWall + minutes(59)).has_value());
  EXPECT_FALSE(cache.Take("a", kNow, kWall + hours(1)).has_value());
}

TEST(TlsSessionCache, ForgetsAKey) {
  TlsSessionCache cache;
  for (int i = 0; i < 5; ++i) cache.Put("a", Session("x"), kNow);
  cache.Put("b", Session("y"), kNow);
  cache.Forget("a");
  cache.Forget("a");
  EXPECT_EQ("none", Taken(cache, "a"));
  EXPECT_EQ("y", Taken(cache, "b"));
}

TEST(TlsSessionCache, IsSafeForManyThreads) {
  TlsSessionLimits limits;
  limits.entries = 50;
  limits.per_key = 8;
  TlsSessionCache cache(limits);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string key = std::to_string((i * 7 + t) % 20);
        cache.Put(key, Session(key, i % 2 == 0), kNow);
        const auto taken = cache.Take(key, kNow, kWall);
        EXPECT_EQ(key, taken ? taken->der : key);
        if (i % 100 == 0) cache.Forget(key);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.Counts().entries, 50u);
}

}  // namespace
}  // namespace spillway
