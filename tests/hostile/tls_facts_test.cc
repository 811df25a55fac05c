// What callers are told of TLS, and what outlives a caller who went away.

#include <gtest/gtest.h>

#include <string>

#include "tests/harness/test_client.h"
#include "tests/harness/test_tls.h"
#include "tests/origin/origin.h"
#include "transport/io/tls_profile_check.h"

namespace spillway {
namespace {

OriginOptions TlsOrigin(const std::string& tls = "") {
  OriginOptions options;
  options.https = true;
  options.tls = tls;
  options.tls_keys = TestTls().keys;
  return options;
}

TestClient::Options Options(const std::function<void(TlsProfile&)>& change = {}) {
  TlsProfile profile;
  profile.system_roots = false;
  profile.roots_pem = TestTls().roots_pem;
  if (change) change(profile);
  TestClient::Options options;
  options.destination.tls = SealTlsProfile(profile).value();
  options.lookup = [](const std::string&, std::vector<std::string>& addresses) {
    addresses = {"127.0.0.1"};
    return 0;
  };
  return options;
}

std::string UrlOf(const Origin& origin) {
  return "https://origin.test:" + std::to_string(origin.port()) + "/x";
}

TEST(TlsFacts, AreToldWithTheResponse_X3) {
  Origin origin(TlsOrigin());
  TestClient client(Options());
  const Story story = client.Get(UrlOf(origin)).Finish();
  ASSERT_TRUE(story.ok()) << story.Text();
  ASSERT_TRUE(story.record.connection->tls.has_value());
  EXPECT_EQ(story.record.connection->tls->version, "TLSv1.3");
  EXPECT_TRUE(story.record.connection->tls->cipher.starts_with("TLS_"));
  EXPECT_FALSE(story.record.connection->tls->resumed);
}

TEST(TlsFacts, IncludeHowLongTheHandshakeTook_X8) {
  Origin origin(TlsOrigin());
  TestClient client(Options());
  const Story first = client.Get(UrlOf(origin)).Finish();
  EXPECT_GT(first.record.timings.tls, Duration::zero());
  ASSERT_TRUE(client.AwaitIdle(1));
  const Story second = client.Get(UrlOf(origin)).Finish();
  EXPECT_TRUE(second.record.reused);
  EXPECT_EQ(second.record.timings.tls, Duration::zero()) << "nothing was secured for this one";
}

TEST(TlsFacts, IncludeWhichCheckFailed_X8) {
  Origin origin(TlsOrigin());
  TestClient client(Options([](TlsProfile& profile) { profile.verify_name = "stranger.invalid"; }));
  const Story story = client.Get(UrlOf(origin)).Finish();
  EXPECT_EQ(story.reason(), Reason::kTlsCertificateError);
  EXPECT_EQ(story.phase(), Phase::kTls);
  EXPECT_EQ(story.delivery(), Delivery::kNotSent);
  EXPECT_NE(story.record.failure->message.find("hostname mismatch"), std::string::npos)
      << story.record.failure->message;
}

// In Go a TLS configuration of one's own turns HTTP/2 off unless it is forced.
TEST(TlsFacts, OfAProfileOfOnesOwnDoNotTurnHttp2Off_X5) {
  Origin origin(TlsOrigin("alpn=h2,http/1.1"));
  TestClient client(Options([](TlsProfile& profile) { profile.min_version = TlsVersion::kTls13; }));
  const Story story = client.Get(UrlOf(origin)).Finish();
  ASSERT_TRUE(story.ok()) << story.Text();
  EXPECT_EQ(story.record.connection->alpn, "h2");
  EXPECT_EQ(story.record.connection->protocol, "HTTP/2");
}

TEST(TlsHandshake, FinishesThoughItsCallerIsGoneAndServesTheNext_X10) {
  OriginOptions options = TlsOrigin();
  options.accept_after = "go";
  Origin origin(std::move(options));
  TestClient client(Options());
  const Call gone = client.Get(UrlOf(origin));
  gone.handle->Cancel();
  EXPECT_EQ(gone.Finish().reason(), Reason::kCancelled);
  origin.board().Signal("go");
  ASSERT_TRUE(client.AwaitIdle(1));
  const Story next = client.Get(UrlOf(origin)).Finish();
  ASSERT_TRUE(next.ok()) << next.Text();
  EXPECT_EQ(origin.seen().size(), 1U) << "one handshake in all";
}

}  // namespace
}  // namespace spillway
