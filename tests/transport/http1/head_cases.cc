#include <string>
#include <vector>

#include "tests/transport/http1/response_cases.h"

namespace spillway {
namespace {

using namespace std::string_literals;

constexpr char kSyntax[] = "fail:http_protocol_error/first_byte/unknown";
constexpr char kCoding[] = "fail:http_response_transfer_coding/first_byte/unknown";
constexpr char kEmpty[] = "200 length:0 done";

std::string Status(const std::string& line) { return line + "\r\nContent-Length: 0\r\n\r\n"; }
// `block` holds its own line ends.
std::string Fields(const std::string& block) {
  return "HTTP/1.1 200 OK\r\n" + block + "Content-Length: 0\r\n\r\n";
}
std::string With(const std::string& field_lines, const std::string& body = "") {
  return "HTTP/1.1 200 OK\r\n" + field_lines + "\r\n" + body;
}

void AddStatusLines(std::vector<ResponseCase>& rows) {
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"O-002 words instead of a status line", "hello"},
      {"O-002 an SSH banner", "SSH-2.0-OpenSSH_9.2"},
      {"O-002 a TLS alert", "\x15\x03\x01\x00\x02\x02\x46"s},
      {"O-002 ICY", "ICY 200 OK"},
      {"O-003 HTTP/2.0", "HTTP/2.0 200 OK"},
      {"O-003 HTTP/1.2", "HTTP/1.2 200 OK"},
      {"O-003 HTTP/1.10", "HTTP/1.10 200 OK"},
      {"O-003 a hundred digits of minor version", "HTTP/1." + std::string(100, '1') + " 200 OK"},
      {"O-003 a minor version that wraps to one in 8 bits", "HTTP/1.257 200 OK"},
      {"O-003 HTTP/01.1", "HTTP/01.1 200 OK"},
      {"O-003 HTTP/1", "HTTP/1 200 OK"},
      {"O-003 lower case http", "http/1.1 200 OK"},
      {"O-006 two digits", "HTTP/1.1 20"},
      {"O-006 two digits and a reason", "HTTP/1.1 20 OK"},
      {"O-006 four digits", "HTTP/1.1 2000 OK"},
      {"O-006 a hundred digits", "HTTP/1.1 " + std::string(100, '2') + " OK"},
      {"O-006 a sign", "HTTP/1.1 +20 OK"},
      {"O-006 letters for zeros", "HTTP/1.1 2OO OK"},
      {"O-006 no code", "HTTP/1.1"},
      {"O-006 a blank for a code", "HTTP/1.1 "},
      {"O-007 code 000", "HTTP/1.1 000 Zero"},
      {"O-007 code 099", "HTTP/1.1 099 Low"},
      {"O-009 two blanks before the code", "HTTP/1.1  200 OK"},
      {"O-009 two blanks before the reason", "HTTP/1.1 200  OK"},
      {"O-009 a tab before the code", "HTTP/1.1\t200 OK"},
      {"O-009 a tab before the reason", "HTTP/1.1 200\tOK"},
      {"O-009 a tab in the reason", "HTTP/1.1 200 O\tK"},
      {"O-009 a NUL in the reason", "HTTP/1.1 200 O\0K"s},
      {"O-009 a control in the reason", "HTTP/1.1 200 O\x01K"},
      {"O-009 a DEL in the reason", "HTTP/1.1 200 O\x7fK"},
      {"O-009 a CR in the reason", "HTTP/1.1 200 O\rK"},
      {"O-009 a blank before the version", " HTTP/1.1 200 OK"},
      {"O-010 a line end before the status line", "\r\nHTTP/1.1 200 OK"},
      {"O-010 a bare LF before the status line", "\nHTTP/1.1 200 OK"},
  };
  for (const auto& [name, line] : refused) rows.push_back({name, Status(line), kSyntax});
  const std::vector<std::pair<std::string, std::string>> accepted = {
      {"O-001 a plain answer", "HTTP/1.1 200 OK"},
      {"O-004 version 1.0", "HTTP/1.0 200 OK"},
      {"O-008 no reason", "HTTP/1.1 200"},
      {"O-008 no reason but its blank", "HTTP/1.1 200 "},
      {"O-009 obs-text in the reason",
       "HTTP/1.1 200 \xc3\x9c"
       "ber"},
      {"O-009 blanks inside and after the reason", "HTTP/1.1 200 Very  OK "},
  };
  for (const auto& [name, line] : accepted) rows.push_back({name, Status(line), kEmpty});
  rows.push_back({"O-007 code 600", Status("HTTP/1.1 600 Odd"), "600 length:0 done"});
  rows.push_back({"O-007 code 999", Status("HTTP/1.1 999 Odd"), "999 length:0 done"});
  rows.push_back({"O-026 a bare LF after the status line",
                  "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", kSyntax});
}

void AddFields(std::vector<ResponseCase>& rows) {
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"O-016 a folded line", "A: b\r\n c\r\n"},
      {"O-016 a folded line with a tab", "A: b\r\n\tc\r\n"},
      {"O-016 a folded line of blanks", "A: b\r\n \r\n"},
      {"O-017 Transfer-Encoding folded", "Transfer-Encoding:\r\n chunked\r\n"},
      {"O-017 Content-Length folded", "Content-Length:\r\n 5\r\n"},
      {"O-017 Connection folded", "Connection:\r\n close\r\n"},
      {"O-018 the first line starts with a blank", " A: b\r\n"},
      {"O-018 the first line starts with a tab", "\tA: b\r\n"},
      {"O-019 a blank before the colon", "A : b\r\n"},
      {"O-019 a tab before the colon", "A\t: b\r\n"},
      {"O-019 a blank before the colon of Content-Length", "Content-Length : 5\r\n"},
      {"O-020 an empty name", ": b\r\n"},
      {"O-020 an empty name and value", ":\r\n"},
      {"O-021 no colon", "Ab\r\n"},
      {"O-022 a control in a name", "A\x01: b\r\n"},
      {"O-022 a quote in a name", "A\"B: b\r\n"},
      {"O-022 a parenthesis in a name", "A(B: b\r\n"},
      {"O-022 a slash in a name", "A/B: b\r\n"},
      {"O-022 a byte above 0x7f in a name", "A\x80: b\r\n"},
      {"O-022 byte 0xff in a name", "\xff: b\r\n"},
      {"O-022 a no-break space in a name", "A\xc2\xa0: b\r\n"},
      {"O-022 a NUL in a name", "A\0B: b\r\n"s},
      {"O-023 a NUL in a value", "A: b\0c\r\n"s},
      {"O-023 a bare CR in a value", "A: b\rc\r\n"},
      {"O-023 a CR before the line end", "A: b\r\r\n"},
      {"O-023 a bare LF in a value", "A: b\nc: d\r\n"},
      {"O-024 a control in a value",
       "A: b\x0b"
       "c\r\n"},
      {"O-024 a DEL in a value", "A: b\x7f\r\n"},
      {"O-024 an escape in a value", "A: \x1b[31m\r\n"},
      {"O-026 a bare LF after a field", "A: b\n"},
      {"O-033 Connection that is no list of tokens", "Connection: keep-\x9alive\r\n"},
      {"O-033 Connection without commas", "Connection: close keep-alive\r\n"},
      {"O-033 Connection with a parameter", "connection: close;q=1\r\n"},
      {"O-028 CR LF CR X", "A: b\r\n\rX: y\r\n"},
      {"O-028 a lone CR for a line", "A: b\r\n\r\r\n"},
  };
  for (const auto& [name, block] : refused) rows.push_back({name, Fields(block), kSyntax});
  const std::vector<std::pair<std::string, std::string>> accepted = {
      {"O-022 every mark of a token", "!#$%&'*+-.^_`|~09azAZ: b\r\n"},
      {"O-024 a tab in a value", "A: b\tc\r\n"},
      {"O-025 obs-text in a value", "A: \x80\xff\r\n"},
      {"O-033 close and keep-alive", "Connection: close, keep-alive\r\n"},
      {"O-033 Connection with empty elements", "Connection: ,, keep-alive ,\r\n"},
      {"O-032 a Connection of a thousand commas", "Connection: " + std::string(1000, ',') + "\r\n"},
      {"O-035 Connection lists Content-Length",
       "Connection: content-length, x-auth\r\nX-Auth: 1\r\n"},
      {"O-037 names like our metadata", "grpc-status: 0\r\nx-egress-error: none\r\n"},
      {"a value of nothing", "A:\r\n"},
      {"a value of blanks", "A: \t \r\n"},
      {"no blank after the colon", "A:b\r\n"},
      {"a colon in a value", "A: b:c\r\n"},
      {"the same field twice", "Set-Cookie: a\r\nSet-Cookie: b\r\n"},
  };
  for (const auto& [name, block] : accepted) rows.push_back({name, Fields(block), kEmpty});
  rows.push_back({"O-026 bare LF throughout", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", kSyntax});
  rows.push_back({"O-027 LF only before the blank line",
                  "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n", kSyntax});
  rows.push_back(
      {"O-027 LF only for the blank line", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n", kSyntax});
  rows.push_back({"O-029 no blank line", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
                  "fail:http_response_incomplete/first_byte/unknown"});
  rows.push_back({"O-029 half a blank line", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r",
                  "fail:http_response_incomplete/first_byte/unknown"});
  rows.push_back({"O-030 nothing at all", "", "fail:connection_terminated/first_byte/unknown"});
}

void AddFraming(std::vector<ResponseCase>& rows) {
  const std::vector<std::pair<std::string, std::string>> bad_lengths = {
      {"O-038 length, then coding", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"},
      {"O-038 coding, then length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"},
      {"O-038 both, odd case", "content-length: 0\r\nTRANSFER-ENCODING: chunked\r\n"},
      {"O-038 length and identity", "Content-Length: 0\r\nTransfer-Encoding: identity\r\n"},
      {"O-039 two different lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"},
      {"O-039 two different lengths in a list", "Content-Length: 5, 6\r\n"},
      {"O-040 two equal lengths", "Content-Length: 0\r\nContent-Length: 0\r\n"},
      {"O-040 two equal lengths in a list", "Content-Length: 0, 0\r\n"},
      {"O-041 empty", "Content-Length:\r\n"},
      {"O-041 blanks", "Content-Length:  \t\r\n"},
      {"O-041 plus", "Content-Length: +2\r\n"},
      {"O-041 minus", "Content-Length: -1\r\n"},
      {"O-041 minus nought", "Content-Length: -0\r\n"},
      {"O-041 hex", "Content-Length: 0x2\r\n"},
      {"O-041 trailing letters", "Content-Length: 2abc\r\n"},
      {"O-041 two numbers", "Content-Length: 1 2\r\n"},
      {"O-041 underscore", "Content-Length: 1_0\r\n"},
      {"O-041 fraction", "Content-Length: 2.0\r\n"},
      {"O-041 quoted", "Content-Length: \"2\"\r\n"},
      {"O-041 trailing comma", "Content-Length: 2,\r\n"},
      {"O-042 2^63", "Content-Length: 9223372036854775808\r\n"},
      {"O-042 2^64", "Content-Length: 18446744073709551616\r\n"},
      {"O-042 2^64 plus two", "Content-Length: 18446744073709551618\r\n"},
      {"O-042 a hundred nines", "Content-Length: " + std::string(100, '9') + "\r\n"},
  };
  for (const auto& [name, lines] : bad_lengths) rows.push_back({name, With(lines), kSyntax});
  const std::vector<std::pair<std::string, std::string>> bad_codings = {
      {"O-048 identity", "identity"},
      {"O-048 xchunked", "xchunked"},
      {"O-048 chunkedx", "chunkedx"},
      {"O-048 chunked, identity", "chunked, identity"},
      {"O-048 chunked twice in a list", "chunked, chunked"},
      {"O-048 empty element first", ",chunked"},
      {"O-048 empty element last", "chunked,"},
      {"O-048 parameter", "chunked;q=1"},
      {"O-048 quoted", "\"chunked\""},
      {"O-048 empty", ""},
      {"O-048 gzip alone", "gzip"},
      {"O-049 gzip, chunked", "gzip, chunked"},
  };
  for (const auto& [name, value] : bad_codings) {
    rows.push_back({name, With("Transfer-Encoding: " + value + "\r\n", "0\r\n\r\n"), kCoding});
  }
  rows.push_back({"O-048 a vertical tab before chunked",
                  With("Transfer-Encoding: \x0b"
                       "chunked\r\n"),
                  kSyntax});
  rows.push_back({"O-050 two codings",
                  With("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), kCoding});
  rows.push_back({"O-050 two codings, one empty",
                  With("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n"), kCoding});
  rows.push_back({"O-051 a coding on 1.0",
                  "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", kCoding});
  rows.push_back({"O-042 2^63 - 1 bytes, cut", With("Content-Length: 9223372036854775807\r\n", "x"),
                  "200 length:9223372036854775807 'x' "
                  "fail:http_response_incomplete/body/answered/200"});
  rows.push_back({"leading zeros are digits", With("Content-Length: 0005\r\n", "hello"),
                  "200 length:5 'hello' done"});
}

void AddInformational(std::vector<ResponseCase>& rows) {
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const auto chain = [&](int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i) bytes += "HTTP/1.1 102 Processing\r\n\r\n";
    return bytes + last;
  };
  rows.push_back({"O-077 a 1xx with a length", "HTTP/1.1 103 E\r\nContent-Length: 5\r\n\r\n" + last,
                  "103; 200 length:2 'ok' done"});
  rows.push_back({"O-077 a 1xx with a length and its body",
                  "HTTP/1.1 103 E\r\nContent-Length: 5\r\n\r\nhello" + last,
                  std::string("103; ") + kSyntax});
  rows.push_back({"O-077 a 1xx with chunked",
                  "HTTP/1.1 103 E\r\nTransfer-Encoding: chunked\r\n\r\n" + last,
                  "103; 200 length:2 'ok' done"});
  rows.push_back({"O-077 O-039 a 1xx with two lengths",
                  "HTTP/1.1 103 E\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n" + last,
                  kSyntax});
  rows.push_back(
      {"O-077 O-038 a 1xx with both framings",
       "HTTP/1.1 103 E\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + last,
       kSyntax});
  rows.push_back(
      {"O-078 100 unasked", "HTTP/1.1 100 Continue\r\n\r\n" + last, "100; 200 length:2 'ok' done"});
  rows.push_back({"O-088 100 twice",
                  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + last,
                  "100; 100; 200 length:2 'ok' done"});
  rows.push_back({"S1 an unknown 1xx", "HTTP/1.1 199 Odd\r\nA: b\r\n\r\n" + last,
                  "199; 200 length:2 'ok' done"});
  std::string sixteen;
  for (int i = 0; i < 16; ++i) sixteen += "102; ";
  rows.push_back({"O-079 sixteen 1xx", chain(16), sixteen + "200 length:2 'ok' done"});
  rows.push_back({"O-079 seventeen 1xx", chain(17), sixteen + kSyntax});
  rows.push_back({"O-081 a 1xx, then the end", "HTTP/1.1 103 E\r\n\r\n",
                  "103; fail:http_response_incomplete/first_byte/unknown"});
  rows.push_back({"O-082 101 unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
                  "fail:http_upgrade_failed/first_byte/answered/101"});
  rows.push_back({"O-083 101 asked for, then raw bytes",
                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x01\x02\x03",
                  "101 tunnel '\\x01\\x02\\x03' done", false, true});
  rows.push_back({"O-084 200 to an upgrade", last, "200 length:2 'ok' done", false, true});
}

}  // namespace

std::vector<ResponseCase> HeadCases() {
  std::vector<ResponseCase> rows;
  AddStatusLines(rows);
  AddFields(rows);
  AddFraming(rows);
  AddInformational(rows);
  return rows;
}

std::vector<ResponseCase> AllResponseCases() {
  std::vector<ResponseCase> rows = HeadCases();
  for (ResponseCase& row : BodyCases()) rows.push_back(std::move(row));
  return rows;
}

}  // namespace spillway
