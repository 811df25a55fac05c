#include "transport/io/tls_contexts.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/harness/certificates.h"
#include "transport/io/tls_profile_check.h"

namespace spillway {
namespace {

using ContextPtr = std::shared_ptr<const TlsContext>;

const std::string& RootPem() {
  static const std::string pem = TestCertificate::Root().pem();
  return pem;
}

TlsProfilePtr Profile(const std::string& name, const std::string& groups = "") {
  TlsProfile profile;
  profile.name = name;
  profile.system_roots = false;
  profile.roots_pem = RootPem();
  profile.groups = groups;
  return *SealTlsProfile(profile);
}

ContextPtr Get(TlsContexts& contexts, const TlsProfilePtr& profile) {
  return *contexts.Get(profile);
}

TEST(TlsContexts, ShareOneContextAmongEqualContents_KG9_KG10) {
  TlsContexts contexts;
  const TlsProfilePtr one = Profile("one");
  const TlsProfilePtr two = Profile("two");
  const TlsProfilePtr other = Profile("one", "P-256");
  const ContextPtr context = Get(contexts, one);
  EXPECT_EQ(context, Get(contexts, one));
  EXPECT_EQ(context, Get(contexts, two));
  EXPECT_NE(context, Get(contexts, other));
  const TlsContextCounts counts = contexts.Counts();
  EXPECT_EQ(2u, counts.hits);
  EXPECT_EQ(2u, counts.misses);
  EXPECT_EQ(2u, counts.entries);
}

TEST(TlsContexts, ShareTheDefault_KG11) {
  TlsContexts contexts;
  EXPECT_EQ(Get(contexts, DefaultTlsProfile()), Get(contexts, DefaultTlsProfile()));
}

TEST(TlsContexts, KeepAContextWhileItsProfileLives_KG12) {
  TlsContexts contexts;
  TlsProfilePtr profile = Profile("one");
  const TlsContext* const first = Get(contexts, profile).get();
  EXPECT_EQ(first, Get(contexts, profile).get());  // nobody held it between
  EXPECT_EQ(1u, contexts.Counts().entries);
  profile.reset();
  EXPECT_EQ(0u, contexts.Counts().entries);
  EXPECT_EQ(1u, contexts.Counts().misses);
}

TEST(TlsContexts, ReviveAContextThatAConnectionStillUses_KG12) {
  TlsContexts contexts;
  TlsProfilePtr profile = Profile("one");
  const ContextPtr connection = Get(contexts, profile);
  profile.reset();
  EXPECT_EQ(1u, contexts.Counts().entries);
  const TlsProfilePtr again = Profile("one");
  EXPECT_EQ(connection, Get(contexts, again));
  EXPECT_EQ(1u, contexts.Counts().misses);
}

TEST(TlsContexts, OutliveTheFirstOfTwoOwners_KG12) {
  TlsContexts contexts;
  TlsProfilePtr old_policy = Profile("one");
  const TlsContext* const first = Get(contexts, old_policy).get();
  const TlsProfilePtr new_policy = Profile("one");
  EXPECT_EQ(first, Get(contexts, new_policy).get());
  old_policy.reset();
  EXPECT_EQ(1u, contexts.Counts().entries);
  EXPECT_EQ(first, Get(contexts, new_policy).get());
}

TEST(TlsContexts, AreSafeForManyThreads) {
  TlsContexts contexts;
  const std::vector<TlsProfilePtr> profiles = {Profile("a"), Profile("b", "P-256"),
                                               Profile("c", "P-384")};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 200; ++i) {
        const TlsProfilePtr& profile = profiles[(i + t) % profiles.size()];
        EXPECT_EQ(profile->digest, Get(contexts, profile)->digest());
        if (i % 50 == 0) contexts.Counts();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const TlsContextCounts counts = contexts.Counts();
  EXPECT_EQ(3u, counts.entries);
  EXPECT_EQ(800u, counts.hits + counts.misses);
}

}  // namespace
}  // namespace spillway
