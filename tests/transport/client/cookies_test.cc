// Cookie jars over real exchanges: whose they are, and what goes where.

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/transport/client/client_fixture.h"

namespace spillway {
namespace {

HttpClientOptions WithJars() {
  HttpClientOptions options;
  options.cookies.enabled = true;
  return options;
}

ClientRequest As(const std::string& tenant, const std::string& jar, const std::string& url,
                 HeaderList headers = {}) {
  ClientRequest request;
  request.request = Get(url);
  request.request.tenant = tenant;
  request.request.headers = std::move(headers);
  request.max_redirects = 5;
  request.cookie_jar = jar;
  return request;
}

std::string CookieOf(const SeenRequest& request) { return request.Find("cookie").value_or("-"); }

TEST(Cookies, C15_AreKeptAndSentBackOncePerHop) {
  Origin origin{Answering(
      {{"/login", RedirectTo("/home", 303, "Set-Cookie: s=1; Path=/\r\nSet-Cookie: t=2\r\n")}})};
  ClientFixture fixture(PolicyOf(Destination()), WithJars());
  const auto call = fixture.Do(As("alice", "j", origin.url("/login")));
  EXPECT_EQ(call->head.status, 200U);
  fixture.Do(As("alice", "j", origin.url("/again")));
  const std::vector<SeenRequest> seen = Requests(origin);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(CookieOf(seen[0]), "-");
  EXPECT_EQ(CookieOf(seen[1]), "s=1; t=2");
  EXPECT_EQ(seen[1].Count("cookie"), 1U);
  EXPECT_EQ(CookieOf(seen[2]), "s=1; t=2");
}

TEST(Cookies, C075_NeverGoToAnotherCaller) {
  Origin origin{Answering({{"/", Answer(200, "", "Set-Cookie: who=alice\r\n")}})};
  ClientFixture fixture(PolicyOf(Destination()), WithJars());
  fixture.Do(As("alice", "j", origin.url("/")));
  fixture.Do(As("bob", "j", origin.url("/x")));
  fixture.Do(As("alice", "other", origin.url("/x")));
  ClientRequest without = As("alice", "", origin.url("/x"));
  fixture.Do(std::move(without));
  fixture.Do(As("alice", "j", origin.url("/x")));
  const std::vector<SeenRequest> seen = Requests(origin);
  ASSERT_EQ(seen.size(), 5U);
  EXPECT_EQ(CookieOf(seen[1]), "-");
  EXPECT_EQ(CookieOf(seen[2]), "-");
  EXPECT_EQ(CookieOf(seen[3]), "-");
  EXPECT_EQ(CookieOf(seen[4]), "who=alice");
}

TEST(Cookies, C075_AreRefusedBeforeAnythingIsDialled) {
  Origin origin{Answering({})};
  ClientFixture none;
  const auto refused = none.Do(As("alice", "j", origin.url("/")));
  ASSERT_TRUE(refused->record->failure.has_value());
  EXPECT_EQ(refused->record->failure->reason, Reason::kHttpRequestDenied);
  ClientFixture fixture(PolicyOf(Destination()), WithJars());
  const auto nobody = fixture.Do(As("", "j", origin.url("/")));
  ASSERT_TRUE(nobody->record->failure.has_value());
  EXPECT_EQ(nobody->record->failure->field, "options.cookie_jar");
  EXPECT_TRUE(origin.seen().empty());
}

TEST(Cookies, JoinTheCallersOwnLine) {
  Origin origin{Answering({{"/", Answer(200, "", "Set-Cookie: j=1\r\n")}})};
  ClientFixture fixture(PolicyOf(Destination()), WithJars());
  fixture.Do(As("a", "j", origin.url("/")));
  fixture.Do(As("a", "j", origin.url("/x"), {{"cookie", "own=1"}}));
  EXPECT_EQ(CookieOf(Requests(origin).back()), "own=1; j=1");
  EXPECT_EQ(Requests(origin).back().Count("cookie"), 1U);
}

TEST(Cookies, C13_AHopThatSetsOneReplacesTheCallers) {
  Origin origin{Answering({{"/", RedirectTo("/x", 302, "Set-Cookie: a=new\r\n")}})};
  ClientFixture fixture(PolicyOf(Destination()), WithJars());
  fixture.Do(As("a", "j", origin.url("/"), {{"Cookie", "a=old; b=kept"}}));
  const std::vector<SeenRequest> seen = Requests(origin);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(CookieOf(seen[0]), "a=old; b=kept");
  EXPECT_EQ(CookieOf(seen[1]), "b=kept; a=new");
}

TEST(Cookies, OfOneHostDoNotGoToAnotherAlongAChain) {
  OriginOptions options = Answering({});
  options.address = "127.0.0.2";
  Origin other{std::move(options)};
  Origin origin{
      Answering({{"/", RedirectTo("http://127.0.0.2:" + std::to_string(other.port()) + "/", 302,
                                  "Set-Cookie: s=1\r\n")}})};
  ClientFixture fixture(PolicyOf(Destination()), WithJars());
  const auto call = fixture.Do(As("a", "j", origin.url("/"), {{"Cookie", "own=1"}}));
  EXPECT_EQ(call->head.status, 200U);
  EXPECT_EQ(CookieOf(Requests(other).at(0)), "-");
}

TEST(Cookies, C15_GoByTheHostThatTheCallerNames) {
  Origin origin{Answering({{"/", Answer(200, "", "Set-Cookie: s=1; Domain=shop.test\r\n")}})};
  ClientFixture fixture(PolicyOf(Destination()), WithJars());
  fixture.Do(As("a", "j", origin.url("/"), {{"Host", "www.shop.test"}}));
  fixture.Do(As("a", "j", origin.url("/x"), {{"Host", "api.shop.test"}}));
  EXPECT_EQ(CookieOf(Requests(origin).back()), "s=1");
  fixture.Do(As("a", "j", origin.url("/x")));
  EXPECT_EQ(CookieOf(Requests(origin).back()), "-");
}

TEST(Cookies, ExpireByTheCalendar) {
  Origin origin{Answering({{"/", Answer(200, "", "Set-Cookie: s=1; Max-Age=60\r\n")}})};
  HttpClientOptions options = WithJars();
  std::int64_t now = 1700000000;
  options.wall_clock = [&now] { return WallTime(std::chrono::seconds(now)); };
  ClientFixture fixture(PolicyOf(Destination()), std::move(options));
  fixture.Do(As("a", "j", origin.url("/")));
  now += 59;
  fixture.Do(As("a", "j", origin.url("/x")));
  EXPECT_EQ(CookieOf(Requests(origin).back()), "s=1");
  now += 1;
  fixture.Do(As("a", "j", origin.url("/x")));
  EXPECT_EQ(CookieOf(Requests(origin).back()), "-");
  EXPECT_EQ(fixture.client().jars().size(), 0U);
}

}  // namespace
}  // namespace spillway
