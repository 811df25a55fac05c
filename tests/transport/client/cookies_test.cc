// Cookie jars over real exchanges: whose they are, and what goes where.

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/transport/client/client_fixture.h"

namespace spillway {
namespace {

class Cookies : public BothProtocols {};
INSTANTIATE_TEST_SUITE_P(Over, Cookies, kBothProtocols, BothProtocols::Name);

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

// Over HTTP/2 each cookie is a field of its own (RFC 9113 8.2.3).
std::string CookieOf(const SeenRequest& request) {
  std::string line;
  for (const auto& [name, value] : request.headers) {
    if (name == "cookie" || name == "Cookie") line += (line.empty() ? "" : "; ") + value;
  }
  return line.empty() ? "-" : line;
}

TEST_P(Cookies, C15_AreKeptAndSentBackOncePerHop) {
  Origin origin{Speaking(
      {{"/login", RedirectTo("/home", 303, "Set-Cookie: s=1; Path=/\r\nSet-Cookie: t=2\r\n")}})};
  ClientFixture fixture(PolicyFor(), WithJars());
  const auto call = fixture.Do(As("alice", "j", origin.url("/login")));
  EXPECT_EQ(call->head.status, 200U);
  fixture.Do(As("alice", "j", origin.url("/again")));
  const std::vector<SeenRequest> seen = Requests(origin);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(CookieOf(seen[0]), "-");
  EXPECT_EQ(CookieOf(seen[1]), "s=1; t=2");
  EXPECT_EQ(seen[1].Count("cookie"), http2() ? 2U : 1U);
  EXPECT_EQ(CookieOf(seen[2]), "s=1; t=2");
}

TEST_P(Cookies, C075_NeverGoToAnotherCaller) {
  Origin origin{Speaking({{"/", Answer(200, "", "Set-Cookie: who=alice\r\n")}})};
  ClientFixture fixture(PolicyFor(), WithJars());
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

TEST_P(Cookies, C075_AreRefusedBeforeAnythingIsDialled) {
  Origin origin{Speaking({})};
  ClientFixture none(PolicyFor());
  const auto refused = none.Do(As("alice", "j", origin.url("/")));
  ASSERT_TRUE(refused->record->failure.has_value());
  EXPECT_EQ(refused->record->failure->reason, Reason::kHttpRequestDenied);
  ClientFixture fixture(PolicyFor(), WithJars());
  const auto nobody = fixture.Do(As("", "j", origin.url("/")));
  ASSERT_TRUE(nobody->record->failure.has_value());
  EXPECT_EQ(nobody->record->failure->field, "options.cookie_jar");
  EXPECT_TRUE(origin.seen().empty());
}

TEST_P(Cookies, JoinTheCallersOwnLine) {
  Origin origin{Speaking({{"/", Answer(200, "", "Set-Cookie: j=1\r\n")}})};
  ClientFixture fixture(PolicyFor(), WithJars());
  fixture.Do(As("a", "j", origin.url("/")));
  fixture.Do(As("a", "j", origin.url("/x"), {{"cookie", "own=1"}}));
  EXPECT_EQ(CookieOf(Requests(origin).back()), "own=1; j=1");
  EXPECT_EQ(Requests(origin).back().Count("cookie"), http2() ? 2U : 1U);
}

TEST_P(Cookies, C13_AHopThatSetsOneReplacesTheCallers) {
  Origin origin{Speaking({{"/", RedirectTo("/x", 302, "Set-Cookie: a=new\r\n")}})};
  ClientFixture fixture(PolicyFor(), WithJars());
  fixture.Do(As("a", "j", origin.url("/"), {{"Cookie", "a=old; b=kept"}}));
  const std::vector<SeenRequest> seen = Requests(origin);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(CookieOf(seen[0]), "a=old; b=kept");
  EXPECT_EQ(CookieOf(seen[1]), "b=kept; a=new");
}

TEST_P(Cookies, OfOneHostDoNotGoToAnotherAlongAChain) {
  OriginOptions options = Speaking({});
  options.address = "127.0.0.2";
  Origin other{std::move(options)};
  Origin origin{Speaking({{"/", RedirectTo("http://127.0.0.2:" + std::to_string(other.port()) + "/",
                                           302, "Set-Cookie: s=1\r\n")}})};
  ClientFixture fixture(PolicyFor(), WithJars());
  const auto call = fixture.Do(As("a", "j", origin.url("/"), {{"Cookie", "own=1"}}));
  EXPECT_EQ(call->head.status, 200U);
  EXPECT_EQ(CookieOf(Requests(other).at(0)), "-");
}

TEST_P(Cookies, C15_GoByTheHostThatTheCallerNames) {
  Origin origin{Speaking({{"/", Answer(200, "", "Set-Cookie: s=1; Domain=shop.test\r\n")}})};
  ClientFixture fixture(PolicyFor(), WithJars());
  fixture.Do(As("a", "j", origin.url("/"), {{"Host", "www.shop.test"}}));
  fixture.Do(As("a", "j", origin.url("/x"), {{"Host", "api.shop.test"}}));
  EXPECT_EQ(CookieOf(Requests(origin).back()), "s=1");
  fixture.Do(As("a", "j", origin.url("/x")));
  EXPECT_EQ(CookieOf(Requests(origin).back()), "-");
}

TEST_P(Cookies, ExpireByTheCalendar) {
  Origin origin{Speaking({{"/", Answer(200, "", "Set-Cookie: s=1; Max-Age=60\r\n")}})};
  HttpClientOptions options = WithJars();
  std::int64_t now = 1700000000;
  options.wall_clock = [&now] { return WallTime(std::chrono::seconds(now)); };
  ClientFixture fixture(PolicyFor(), std::move(options));
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
