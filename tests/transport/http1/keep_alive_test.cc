#include "transport/http1/keep_alive.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace spillway {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr ExchangeFacts kClean = {.request_fully_written = true, .response_complete = true};

struct HeadRow {
  const char* name;
  std::uint32_t status;
  int minor_version;
  HeaderList headers;
  BodyKind body;
  bool reusable;
};

TEST(KeepAlive, JudgesTheHead) {
  const std::vector<HeadRow> rows = {
      {"R1 a plain answer", 200, 1, {}, BodyKind::kLength, true},
      {"O-066 chunked", 200, 1, {{"Transfer-Encoding", "chunked"}}, BodyKind::kChunked, true},
      {"R2 close", 200, 1, {{"Connection", "close"}}, BodyKind::kLength, false},
      {"R2 close in any case", 200, 1, {{"connection", "Close"}}, BodyKind::kLength, false},
      {"R2 close anywhere in the list",
       200,
       1,
       {{"Connection", "x ,\tclose , y"}},
       BodyKind::kLength,
       false},
      {"R2 closed is not close", 200, 1, {{"Connection", "closed"}}, BodyKind::kLength, true},
      {"O-033 close, keep-alive",
       200,
       1,
       {{"Connection", "close, keep-alive"}},
       BodyKind::kLength,
       false},
      {"O-033 keep-alive, close",
       200,
       1,
       {{"Connection", "keep-alive, close"}},
       BodyKind::kLength,
       false},
      {"O-034 close in a second field",
       200,
       1,
       {{"Connection", "keep-alive"}, {"X", "y"}, {"CONNECTION", "close"}},
       BodyKind::kLength,
       false},
      {"O-068 until close", 200, 1, {}, BodyKind::kUntilClose, false},
      {"G6 until close in spite of keep-alive",
       200,
       1,
       {{"Connection", "keep-alive"}},
       BodyKind::kUntilClose,
       false},
      {"O-004 version 1.0", 200, 0, {}, BodyKind::kLength, false},
      {"O-005 version 1.0 with keep-alive",
       200,
       0,
       {{"Connection", "Keep-Alive"}},
       BodyKind::kLength,
       true},
      {"O-005 version 1.0 with both",
       200,
       0,
       {{"Connection", "keep-alive, close"}},
       BodyKind::kLength,
       false},
      {"O-072 HEAD with a length", 200, 1, {{"Content-Length", "100"}}, BodyKind::kNone, true},
      {"B2 HEAD with chunked", 200, 1, {{"Transfer-Encoding", "chunked"}}, BodyKind::kNone, true},
      {"B3 204", 204, 1, {}, BodyKind::kNone, true},
      {"O-074 204 with length nought", 204, 1, {{"Content-Length", "0"}}, BodyKind::kNone, true},
      {"O-074 204 with a length", 204, 1, {{"Content-Length", "5"}}, BodyKind::kNone, false},
      {"O-074 204 with chunked",
       204,
       1,
       {{"Transfer-Encoding", "chunked"}},
       BodyKind::kNone,
       false},
      {"O-075 304 with a length", 304, 1, {{"Content-Length", "5"}}, BodyKind::kNone, true},
      {"B3 304 with chunked", 304, 1, {{"Transfer-Encoding", "chunked"}}, BodyKind::kNone, true},
      {"O-083 101", 101, 1, {{"Connection", "upgrade"}}, BodyKind::kNone, false},
      {"an error status", 503, 1, {}, BodyKind::kLength, true},
      {"O-007 status 999", 999, 1, {}, BodyKind::kLength, true},
  };
  for (const HeadRow& row : rows) {
    ResponseHead head;
    head.status = row.status;
    head.minor_version = row.minor_version;
    head.headers = row.headers;
    EXPECT_EQ(JudgeKeepAlive(head, row.body, kClean, true).reusable, row.reusable) << row.name;
    EXPECT_EQ(JudgeHead(head, row.body, true).reusable, row.reusable) << row.name;
  }
}

TEST(KeepAlive, ReusesVersionOneNoughtOnlyWherePolicyAllows_O005) {
  ResponseHead head;
  head.status = 200;
  head.minor_version = 0;
  head.headers = {{"Connection", "keep-alive"}};
  EXPECT_TRUE(JudgeKeepAlive(head, BodyKind::kLength, kClean, true).reusable);
  EXPECT_FALSE(JudgeKeepAlive(head, BodyKind::kLength, kClean, false).reusable);
}

TEST(KeepAlive, NeverReusesAConnectionThatLogsItselfIn_O093) {
  const std::vector<std::pair<HeaderList, bool>> rows = {
      {{{"WWW-Authenticate", "NTLM"}}, true},
      {{{"www-authenticate", "Basic realm=\"a\", negotiate YII="}}, true},
      {{{"WWW-Authenticate", "Basic realm=\"a\""}, {"WWW-Authenticate", "Negotiate"}}, true},
      {{{"Proxy-Authenticate", "ntlm TlRM"}}, true},
      {{{"Authorization", "NTLM TlRM"}}, true},
      {{{"WWW-Authenticate", "Basic realm=\"NTLM\""}}, false},
      {{{"WWW-Authenticate", "NTLMish"}}, false},
      {{{"Authorization", "Bearer NTLM"}}, false},
      {{{"X-Scheme", "NTLM"}}, false},
      {{}, false},
  };
  for (const auto& [headers, binds] : rows) {
    EXPECT_EQ(BindsConnection(headers), binds) << (headers.empty() ? "" : headers[0].value);
    const ResponseHead head{401, 1, 1, "", headers};
    EXPECT_EQ(JudgeHead(head, BodyKind::kLength, true).reusable, !binds);
  }
}

TEST(KeepAlive, NeedsEveryFactOfTheExchange) {
  ResponseHead head;
  head.status = 200;
  ASSERT_TRUE(JudgeKeepAlive(head, BodyKind::kLength, kClean, true).reusable);
  const std::vector<std::pair<const char*, ExchangeFacts>> rows = {
      {"R8 R13 we asked to close",
       [] {
         auto f = kClean;
         f.request_close = true;
         return f;
       }()},
      {"O-100 O-102 early answer",
       [] {
         auto f = kClean;
         f.request_fully_written = false;
         return f;
       }()},
      {"O-044 not complete",
       [] {
         auto f = kClean;
         f.response_complete = false;
         return f;
       }()},
      {"O-045 O-047 O-065 O-073 surplus",
       [] {
         auto f = kClean;
         f.surplus_bytes = true;
         return f;
       }()},
      {"R1 end of stream seen",
       [] {
         auto f = kClean;
         f.eof_seen = true;
         return f;
       }()},
  };
  for (const auto& [name, facts] : rows) {
    EXPECT_FALSE(AllowReuse(facts)) << name;
    const KeepAliveVerdict verdict = JudgeKeepAlive(head, BodyKind::kLength, facts, true);
    EXPECT_FALSE(verdict.reusable) << name;
  }
}

TEST(KeepAlive, ReadsTheIdleHintAndIgnoresJunk_O036) {
  const std::vector<std::pair<std::string, std::optional<Duration>>> rows = {
      {"timeout=1", seconds(1)},
      {"timeout=0", seconds(0)},
      {"timeout=5, max=100", seconds(5)},
      {"max=100 ,\tTIMEOUT = 5 ", seconds(5)},
      {"timeout=20, timeout=7", seconds(7)},
      {"timeout=7, timeout=20", seconds(7)},
      {"timeout=x, timeout=7", seconds(7)},
      {"timeout=31536000", hours(365 * 24)},
      {"timeout=31536001", std::nullopt},
      {"timeout=99999999999999999999", std::nullopt},
      {"timeout=-1", std::nullopt},
      {"timeout=+1", std::nullopt},
      {"timeout=1s", std::nullopt},
      {"timeout=1.5", std::nullopt},
      {"timeout=\"5\"", std::nullopt},
      {"timeout=", std::nullopt},
      {"timeout", std::nullopt},
      {"timeouts=5", std::nullopt},
      {",,", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& [value, expected] : rows) {
    ResponseHead head;
    head.status = 200;
    head.headers = {{"keep-alive", value}};
    const KeepAliveVerdict verdict = JudgeKeepAlive(head, BodyKind::kLength, kClean, true);
    EXPECT_TRUE(verdict.reusable) << value;
    EXPECT_EQ(verdict.idle_hint, expected) << value;
  }
}

TEST(KeepAlive, TakesTheShortestHintOfAllFields_O036) {
  ResponseHead head;
  head.status = 200;
  head.headers = {{"Keep-Alive", "timeout=9"}, {"Keep-Alive", "timeout=4"}};
  EXPECT_EQ(JudgeHead(head, BodyKind::kLength, true).idle_hint, seconds(4));
}

TEST(KeepAlive, GivesNoHintForAConnectionThatCloses) {
  ResponseHead head;
  head.status = 200;
  head.headers = {{"Keep-Alive", "timeout=9"}, {"Connection", "close"}};
  EXPECT_EQ(JudgeHead(head, BodyKind::kLength, true).idle_hint, std::nullopt);
}

}  // namespace
}  // namespace spillway
