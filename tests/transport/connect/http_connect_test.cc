#include "transport/connect/http_connect.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace spillway {
namespace {

using namespace std::string_literals;
using State = ConnectAnswer::State;

ProxyServer Proxy(std::string user = {}, std::string password = {}) {
  ProxyServer proxy;
  proxy.host = "proxy.test";
  proxy.port = 3128;
  proxy.user = std::move(user);
  proxy.password = std::move(password);
  return proxy;
}

std::string Request(const ProxyServer& proxy, std::string_view host, HostKind kind,
                    std::uint16_t port) {
  std::string out;
  AppendConnectRequest(proxy, host, kind, port, out);
  return out;
}

std::string Repeat(std::string_view text, std::size_t count) {
  std::string out;
  while (count-- > 0) out += text;
  return out;
}

TEST(ConnectRequest, NamesHostAndPortInLineAndHost_P5) {
  EXPECT_EQ(Request(Proxy(), "example.com", HostKind::kName, 443),
            "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
  EXPECT_EQ(Request(Proxy(), "10.0.0.1", HostKind::kIpv4, 8443),
            "CONNECT 10.0.0.1:8443 HTTP/1.1\r\nHost: 10.0.0.1:8443\r\n\r\n");
  EXPECT_EQ(Request(Proxy(), "2001:db8::1", HostKind::kIpv6, 443),
            "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n");
}

TEST(ConnectRequest, CarriesStaticHeadersAndCredentialsAndLeavesTheServerAsItWas_P5) {
  ProxyServer proxy = Proxy("Aladdin", "open sesame");
  proxy.connect_headers = {{"X-Team", "payments"}, {"User-Agent", "spillway"}};
  const std::string first = Request(proxy, "h", HostKind::kName, 443);
  EXPECT_EQ(first,
            "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nX-Team: payments\r\nUser-Agent: spillway\r\n"
            "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
  EXPECT_EQ(Request(proxy, "h", HostKind::kName, 443), first);
}

TEST(ConnectRequest, WritesCredentialsAsRfc7617Does) {
  EXPECT_EQ(ProxyAuthorization(Proxy()), "");
  EXPECT_EQ(ProxyAuthorization(Proxy("a", "")), "Basic YTo=");
  EXPECT_EQ(ProxyAuthorization(Proxy("", "t")), "Basic OnQ=");
  EXPECT_EQ(ProxyAuthorization(Proxy("test", "123\xC2\xA3")), "Basic dGVzdDoxMjPCow==");
  EXPECT_EQ(ProxyAuthorization(Proxy("ab", "cde")), "Basic YWI6Y2Rl");
}

struct Row {
  std::string name;
  std::string bytes;
  State state = State::kFailed;
  Reason reason = Reason::kProxyProtocolError;
  std::uint32_t status = 0;
  std::string message = {};  // a part of it
};

// Of all statuses only 200 opens a tunnel (P6, O-277), and what is left says why not (P12).
const std::vector<Row> kRows = {
    {"P6_200", "HTTP/1.1 200 Connection established\r\n\r\n", State::kOpen},
    {"P6_no_reason", "HTTP/1.1 200\r\n\r\n", State::kOpen},
    {"P6_empty_reason", "HTTP/1.1 200 \r\n\r\n", State::kOpen},
    {"O286_http10", "HTTP/1.0 200 Connection established\r\n\r\n", State::kOpen},
    {"O275_length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", State::kOpen},
    {"O275_chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", State::kOpen},
    {"O278_one_100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", State::kOpen},
    {"O278_eight_103",
     Repeat("HTTP/1.1 103 Early\r\nLink: a\r\n\r\n", 8) + "HTTP/1.1 200 OK\r\n\r\n", State::kOpen},
    {"O278_nine_103", Repeat("HTTP/1.1 103 Early\r\n\r\n", 9), State::kFailed,
     Reason::kProxyProtocolError, 103, "too many informational"},
    {"O278_101", "HTTP/1.1 101 Switching\r\n\r\n", State::kFailed, Reason::kProxyDenied, 101},
    {"O276_bytes_after", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", State::kFailed,
     Reason::kProxyProtocolError, 200, "after its answer"},
    {"O228_O276_one_byte_after", "HTTP/1.1 200 OK\r\n\r\n\x16", State::kFailed,
     Reason::kProxyProtocolError, 200, "after its answer"},
    {"O275_framed_body_is_surplus", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
     State::kFailed, Reason::kProxyProtocolError, 200, "after its answer"},
    {"P12_201", "HTTP/1.1 201 Created\r\n\r\n", State::kFailed, Reason::kProxyDenied, 201},
    {"O277_204", "HTTP/1.1 204 No Content\r\n\r\n", State::kFailed, Reason::kProxyDenied, 204},
    {"O277_299", "HTTP/1.1 299 x\r\n\r\n", State::kFailed, Reason::kProxyDenied, 299},
    {"O273_P12_407_basic",
     "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
     "Content-Length: 1000\r\n\r\n<html>",
     State::kFailed, Reason::kProxyAuthenticationRequired, 407,
     "with 407 \"Proxy Authentication Required\""},
    {"O273_407_ntlm", "HTTP/1.1 407 x\r\nProxy-Authenticate: NTLM TlRM\r\n\r\n", State::kFailed,
     Reason::kProxyAuthenticationRequired, 407},
    {"O273_407_junk", "HTTP/1.1 407 x\r\nProxy-Authenticate: =,=\r\n\r\n", State::kFailed,
     Reason::kProxyAuthenticationRequired, 407},
    {"O274_401", "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\n\r\n",
     State::kFailed, Reason::kProxyDenied, 401},
    {"O279_301", "HTTP/1.1 301 x\r\nLocation: http://evil/\r\n\r\n", State::kFailed,
     Reason::kProxyDenied, 301},
    {"O279_302", "HTTP/1.1 302 x\r\n\r\n", State::kFailed, Reason::kProxyDenied, 302},
    {"O279_403", "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!", State::kFailed,
     Reason::kProxyDenied, 403, "with 403 \"Forbidden\""},
    {"O279_404", "HTTP/1.1 404 x\r\n\r\n", State::kFailed, Reason::kProxyDenied, 404},
    {"O279_500", "HTTP/1.1 500 x\r\n\r\n", State::kFailed, Reason::kProxyDenied, 500},
    {"O279_502", "HTTP/1.1 502 x\r\n\r\n", State::kFailed, Reason::kProxyDenied, 502},
    {"O279_503_no_reason", "HTTP/1.1 503\r\n\r\n", State::kFailed, Reason::kProxyDenied, 503,
     "with 503"},
    {"O279_504", "HTTP/1.1 504 x\r\n\r\n", State::kFailed, Reason::kProxyDenied, 504},
    {"C077_reason_is_escaped", "HTTP/1.1 403 a\xff\"b\r\n\r\n", State::kFailed,
     Reason::kProxyDenied, 403, "\\xff"},
    {"O281_nul_in_value", "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n"s},
    {"O281_nul_in_name", "HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n"s},
    {"O281_nul_in_reason", "HTTP/1.1 200 O\0K\r\n\r\n"s},
    {"O281_obs_fold", "HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n\r\n"},
    {"O281_obs_fold_first", "HTTP/1.1 200 OK\r\n a: b\r\n\r\n"},
    {"O281_obs_fold_tab", "HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n"},
    {"O281_bare_lf_status", "HTTP/1.1 200 OK\n\r\n"},
    {"O281_bare_lf_field", "HTTP/1.1 200 OK\r\nA: b\n\r\n"},
    {"O281_bare_lf_end", "HTTP/1.1 200 OK\r\n\n"},
    {"O281_cr_cr_lf", "HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n"},
    {"O281_bare_cr_in_value", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"},
    {"O281_no_colon", "HTTP/1.1 200 OK\r\nabc\r\n\r\n"},
    {"O281_no_name", "HTTP/1.1 200 OK\r\n: b\r\n\r\n"},
    {"O281_blank_before_colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"},
    {"O281_length_and_chunked_are_not_used",
     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", State::kOpen},
    {"not_http", "SSH-2.0-OpenSSH\r\n"},
    {"first_byte_decides", "\x05"},
    {"leading_line_end", "\r\nHTTP/1.1 200 OK\r\n\r\n"},
    {"http2", "HTTP/2 200\r\n\r\n"},
    {"http12", "HTTP/1.2 200 OK\r\n\r\n"},
    {"status_short", "HTTP/1.1 20\r\n\r\n"},
    {"status_long", "HTTP/1.1 2000\r\n\r\n"},
    {"status_000", "HTTP/1.1 000 x\r\n\r\n"},
    {"status_signed", "HTTP/1.1 +20 x\r\n\r\n"},
    {"status_two_blanks", "HTTP/1.1  200 OK\r\n\r\n"},
    {"lower_case", "http/1.1 200 OK\r\n\r\n"},
    {"more_status", "HTTP/1.1 2", State::kMore},
    {"more_end", "HTTP/1.1 200 OK\r\n\r", State::kMore},
    {"more_after_100", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 2", State::kMore},
    {"status_of_a_second_head_is_checked", "HTTP/1.1 100 C\r\n\r\nSSH"},
};

void Check(const Row& row, const ConnectAnswer& answer) {
  EXPECT_EQ(answer.state(), row.state) << row.name << ": " << answer.failure().message;
  if (row.state != State::kFailed) return;
  const Failure& failure = answer.failure();
  EXPECT_EQ(failure.reason, row.reason) << row.name << ": " << failure.message;
  EXPECT_EQ(failure.source, Source::kProxy) << row.name;
  EXPECT_EQ(failure.phase, Phase::kProxy) << row.name;
  EXPECT_EQ(failure.delivery, Delivery::kNotSent) << row.name;
  if (row.status != 0) {
    EXPECT_EQ(failure.proxy_status, row.status) << row.name;
  }
  EXPECT_NE(failure.message.find("proxy http://proxy.test:3128 "), std::string::npos) << row.name;
  EXPECT_NE(failure.message.find(row.message), std::string::npos)
      << row.name << ": " << failure.message;
}

TEST(ConnectAnswer, ReadsEveryRowInOnePiece) {
  for (const Row& row : kRows) {
    ConnectAnswer answer(Proxy().Text());
    answer.Feed(row.bytes);
    Check(row, answer);
  }
}

TEST(ConnectAnswer, ReadsEveryRowByteByByteAndInTwoPieces) {
  for (const Row& row : kRows) {
    ConnectAnswer dripped(Proxy().Text());
    for (const char c : row.bytes) dripped.Feed(std::string_view(&c, 1));
    Check(row, dripped);
    for (std::size_t cut = 0; cut <= row.bytes.size(); ++cut) {
      ConnectAnswer answer(Proxy().Text());
      answer.Feed(std::string_view(row.bytes).substr(0, cut));
      answer.Feed(std::string_view(row.bytes).substr(cut));
      Check(row, answer);
    }
  }
}

TEST(ConnectAnswer, TakesExactly16KiBAndNotOneByteMore_O280_P7) {
  const std::string front = "HTTP/1.1 200 OK\r\nA: ";
  const std::string end = "\r\n\r\n";
  const std::size_t room = kMaxConnectAnswerBytes - front.size() - end.size();
  {
    ConnectAnswer answer(Proxy().Text());
    EXPECT_EQ(answer.Feed(front + std::string(room, 'x') + end), State::kOpen);
  }
  {
    ConnectAnswer answer(Proxy().Text());
    EXPECT_EQ(answer.Feed(front + std::string(room + 1, 'x') + end), State::kFailed);
    EXPECT_NE(answer.failure().message.find("16 KiB"), std::string::npos);
  }
}

TEST(ConnectAnswer, StopsAnEndlessHeaderAtTheLimit_O280_P7) {
  ConnectAnswer answer(Proxy().Text());
  answer.Feed("HTTP/1.1 200 OK\r\n");
  std::size_t fed = 0;
  const std::string line = "X-Filler: " + std::string(90, 'y') + "\r\n";
  while (answer.Feed(line) == State::kMore) fed += line.size();
  EXPECT_EQ(answer.state(), State::kFailed);
  EXPECT_LE(fed, kMaxConnectAnswerBytes);
  EXPECT_EQ(answer.failure().reason, Reason::kProxyProtocolError);
}

TEST(ConnectAnswer, CountsAllInformationalHeadsIntoTheLimit_O278_O280) {
  ConnectAnswer answer(Proxy().Text());
  const std::string head = "HTTP/1.1 103 E\r\nA: " + std::string(5000, 'x') + "\r\n\r\n";
  for (int i = 0; i < 3; ++i) ASSERT_EQ(answer.Feed(head), State::kMore);
  EXPECT_EQ(answer.Feed(head), State::kFailed);
}

TEST(ConnectAnswer, IsNoAnswerWhenTheProxyEndsEarly_O282) {
  for (const std::string_view bytes : {"", "HTTP/1.1 200 OK\r\nA: b", "HTTP/1.1 200 OK\r\n\r"}) {
    ConnectAnswer answer(Proxy("user", "secret").Text());
    answer.Feed(bytes);
    EXPECT_EQ(answer.End(), State::kFailed);
    EXPECT_EQ(answer.failure().reason, Reason::kConnectionTerminated);
    EXPECT_EQ(answer.failure().source, Source::kProxy);
    EXPECT_EQ(answer.failure().delivery, Delivery::kNotSent);
    EXPECT_EQ(answer.failure().message.find("secret"), std::string::npos);
  }
  ConnectAnswer answer(Proxy().Text());
  answer.Feed("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(answer.End(), State::kOpen);
}

}  // namespace
}  // namespace spillway
