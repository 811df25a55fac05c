#include <string>
#include <vector>

#include "tests/transport/http1/response_cases.h"

namespace spillway {
namespace {

using namespace std::string_literals;

constexpr char kCut[] = "fail:http_response_incomplete/body/answered/200";
constexpr char kBadChunk[] = "fail:http_response_transfer_coding/body/answered/200";
constexpr char kBadTrailer[] = "fail:http_protocol_error/body/answered/200";

std::string Chunked(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}
std::string Sized(const std::string& length, const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n" + body;
}
std::string Said(const std::string& body, const std::string& end) {
  return "200 chunked " + (body.empty() ? "" : "'" + body + "' ") + end;
}

void AddLengthBodies(std::vector<ResponseCase>& rows) {
  rows.push_back({"a body of five", Sized("5", "hello"), "200 length:5 'hello' done"});
  rows.push_back(
      {"O-044 a short body", Sized("5", "hell"), std::string("200 length:5 'hell' ") + kCut});
  rows.push_back({"O-044 no body", Sized("5", ""), std::string("200 length:5 ") + kCut});
  rows.push_back({"O-045 a long body", Sized("5", "hello!!"), "200 length:5 'hello' done left:2"});
  rows.push_back({"O-047 a second response glued on",
                  Sized("2", "okHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
                  "200 length:2 'ok' done left:42"});
  rows.push_back({"O-065 bytes after no body", Sized("0", "x"), "200 length:0 done left:1"});
  rows.push_back({"O-068 until close", "HTTP/1.1 200 OK\r\n\r\nall of it",
                  "200 until_close 'all of it' done"});
  rows.push_back({"O-068 until close, empty", "HTTP/1.0 200 OK\r\n\r\n", "200 until_close done"});
  rows.push_back({"G6 until close in spite of keep-alive",
                  "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nx",
                  "200 until_close 'x' done"});
  rows.push_back({"O-076 205 with a body", "HTTP/1.1 205 R\r\nContent-Length: 1\r\n\r\nx",
                  "205 length:1 'x' done"});
  rows.push_back({"O-095 206 whose range disagrees",
                  "HTTP/1.1 206 P\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 1\r\n\r\nx",
                  "206 length:1 'x' done"});
  rows.push_back({"O-094 302 with a hostile Location",
                  "HTTP/1.1 302 F\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
                  "302 length:0 done"});
}

void AddNoBodies(std::vector<ResponseCase>& rows) {
  rows.push_back({"O-072 HEAD with a length", Sized("100", ""), "200 none done", true});
  rows.push_back({"B2 HEAD with chunked", Chunked(""), "200 none done", true});
  rows.push_back({"B1 HEAD without either", "HTTP/1.1 200 OK\r\n\r\n", "200 none done", true});
  rows.push_back({"O-073 HEAD with a body", Sized("5", "hello"), "200 none done left:5", true});
  rows.push_back({"O-038 HEAD with both framings",
                  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "fail:http_protocol_error/first_byte/unknown", true});
  rows.push_back({"O-074 204 with a length and a body",
                  "HTTP/1.1 204 N\r\nContent-Length: 5\r\n\r\nhello", "204 none done left:5"});
  rows.push_back({"O-074 204 with chunked",
                  "HTTP/1.1 204 N\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  "204 none done left:5"});
  rows.push_back({"B3 204", "HTTP/1.1 204 N\r\n\r\n", "204 none done"});
  rows.push_back(
      {"O-075 304 with a length", "HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n", "304 none done"});
  rows.push_back({"O-075 304 with a body", "HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\nhello",
                  "304 none done left:5"});
  rows.push_back({"B3 304 with chunked eats nothing",
                  "HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                  "304 none done left:19"});
}

void AddChunks(std::vector<ResponseCase>& rows) {
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"O-052 0x2", "0x2\r\nab\r\n0\r\n\r\n"},
      {"O-052 +2", "+2\r\nab\r\n0\r\n\r\n"},
      {"O-052 -2", "-2\r\nab\r\n0\r\n\r\n"},
      {"O-052 a blank before", " 2\r\nab\r\n0\r\n\r\n"},
      {"O-052 a blank after", "2 \r\nab\r\n0\r\n\r\n"},
      {"O-052 a tab after", "2\t\r\nab\r\n0\r\n\r\n"},
      {"O-052 a blank before an extension", "2 ;a\r\nab\r\n0\r\n\r\n"},
      {"O-052 underscore", "_2\r\nab\r\n0\r\n\r\n"},
      {"O-052 empty", "\r\nab\r\n0\r\n\r\n"},
      {"O-052 empty with extension", ";a\r\nab\r\n0\r\n\r\n"},
      {"O-052 g", "g\r\nab\r\n0\r\n\r\n"},
      {"O-052 a NUL", "2\0\r\nab\r\n0\r\n\r\n"s},
      {"O-053 seventeen digits", "10000000000000002\r\nab\r\n0\r\n\r\n"},
      {"O-053 sixteen f", "ffffffffffffffff\r\nab\r\n0\r\n\r\n"},
      {"O-053 2^63", "8000000000000000\r\nab\r\n0\r\n\r\n"},
      {"O-054 seventeen zeros", "000000000000000002\r\nab\r\n0\r\n\r\n"},
      {"O-054 a hundred thousand zeros", std::string(100000, '0') + "2\r\nab\r\n0\r\n\r\n"},
      {"O-054 a last chunk of many zeros", std::string(33, '0') + "\r\n\r\n"},
      {"O-055 an extension of 100 KB", "2;a=" + std::string(100000, 'x') + "\r\nab\r\n0\r\n\r\n"},
      {"O-057 an LF in an extension", "2;a\nb\r\nab\r\n0\r\n\r\n"},
      {"O-057 a CR in an extension", "2;a\rb\r\nab\r\n0\r\n\r\n"},
      {"O-057 a NUL in an extension", "2;a\0\r\nab\r\n0\r\n\r\n"s},
      {"O-057 an unclosed quote", "2;a=\"b\r\nab\r\n0\r\n\r\n"},
      {"O-057 a line end in quotes", "2;a=\"b\r\n\"\r\nab\r\n0\r\n\r\n"},
      {"O-057 a quote that only a backslash closes", "2;a=\"b\\\"\r\nab\r\n0\r\n\r\n"},
      {"O-057 text after the quotes", "2;a=\"b\"c\r\nab\r\n0\r\n\r\n"},
      {"O-057 no name", "2;\r\nab\r\n0\r\n\r\n"},
      {"O-057 a name that is no token", "2;(\r\nab\r\n0\r\n\r\n"},
      {"O-057 no value", "2;a=\r\nab\r\n0\r\n\r\n"},
      {"O-058 a bare LF", "2\nab\r\n0\r\n\r\n"},
      {"O-058 a CR and another byte", "2\rXab\r\n0\r\n\r\n"},
  };
  for (const auto& [name, body] : refused)
    rows.push_back({name, Chunked(body), Said("", kBadChunk)});
  rows.push_back({"O-059 data runs on", Chunked("2\r\nabXX\r\n0\r\n\r\n"), Said("ab", kBadChunk)});
  rows.push_back(
      {"O-059 a bare LF after data", Chunked("2\r\nab\n0\r\n\r\n"), Said("ab", kBadChunk)});
  rows.push_back({"O-059 a CR and another byte after data", Chunked("2\r\nab\rX0\r\n\r\n"),
                  Said("ab", kBadChunk)});
  rows.push_back({"O-059 nothing after data", Chunked("2\r\nab"), Said("ab", kCut)});
  rows.push_back({"O-060 no last chunk", Chunked("2\r\nab\r\n"), Said("ab", kCut)});
  rows.push_back({"O-060 no chunk at all", Chunked(""), Said("", kCut)});
  rows.push_back(
      {"O-061 no line end after the last chunk", Chunked("2\r\nab\r\n0\r\n"), Said("ab", kCut)});
  rows.push_back({"O-058 a bare LF ends a chunked body", Chunked("2\r\nab\r\n0\r\n\n"),
                  Said("ab", kBadTrailer)});

  const std::vector<std::pair<std::string, std::string>> accepted = {
      {"one chunk", "2\r\nab\r\n0\r\n\r\n"},
      {"two chunks", "1\r\na\r\n1\r\nb\r\n0\r\n\r\n"},
      {"O-052 upper-case hex", "0002\r\nab\r\n000\r\n\r\n"},
      {"O-054 sixteen zeros", "00000000000000002\r\nab\r\n00\r\n\r\n"},
      {"O-055 a plain extension", "2;a\r\nab\r\n0\r\n\r\n"},
      {"O-055 an extension of 1 KB", "2;a=" + std::string(1024, 'x') + "\r\nab\r\n0\r\n\r\n"},
      {"O-055 extensions of every kind", "2;a;b=c;d=\"e;\\\"f\"\r\nab\r\n0;last=1\r\n\r\n"},
  };
  for (const auto& [name, body] : accepted)
    rows.push_back({name, Chunked(body), Said("ab", "done")});
  rows.push_back({"O-048 CHUNKED in any case",
                  "HTTP/1.1 200 OK\r\ntransfer-encoding: \tChUnKeD \r\n\r\n2\r\nab\r\n0\r\n\r\n",
                  Said("ab", "done")});
  rows.push_back(
      {"O-065 bytes after the last chunk", Chunked("0\r\n\r\nx"), "200 chunked done left:1"});
  rows.push_back({"O-066 no chunks but the last", Chunked("0\r\n\r\n"), "200 chunked done"});
  rows.push_back({"hex digits in both cases",
                  Chunked("aA\r\n" + std::string(170, 'x') + "\r\n0\r\n\r\n"),
                  Said(std::string(120, 'x') + "...", "done")});
}

void AddTrailers(std::vector<ResponseCase>& rows) {
  const auto trailers = [](const std::string& block) {
    return Chunked("2\r\nab\r\n0\r\n" + block);
  };
  rows.push_back(
      {"O-062 trailers", trailers("T: v\r\nT: w\r\n\r\n"), Said("ab", "[T=v] [T=w] done")});
  rows.push_back({"Q2 trailers nobody announced", trailers("Checksum: 1\r\n\r\n"),
                  Said("ab", "[Checksum=1] done")});
  for (const char* const name : {"Content-Length", "Transfer-Encoding", "content-LENGTH"}) {
    rows.push_back({std::string("O-063 refused: ") + name, trailers(name + ": 2\r\n\r\n"s),
                    Said("ab", kBadTrailer)});
  }
  for (const char* const name :
       {"Host", "Authorization", "Set-Cookie", "Trailer", "Connection", "Proxy-Authenticate",
        "proxy-anything", "Content-Encoding", "TE", "Upgrade", "Keep-Alive", "cookie"}) {
    rows.push_back({std::string("O-063 dropped: ") + name,
                    trailers("A: 1\r\n" + std::string(name) + ": x\r\nB: 2\r\n\r\n"),
                    Said("ab", "[A=1] [B=2] done")});
  }
  rows.push_back(
      {"O-064 a NUL in a trailer", trailers("T: a\0b\r\n\r\n"s), Said("ab", kBadTrailer)});
  rows.push_back(
      {"O-064 a folded trailer", trailers("T: a\r\n b\r\n\r\n"), Said("ab", kBadTrailer)});
  rows.push_back({"O-064 a trailer without colon", trailers("T\r\n\r\n"), Said("ab", kBadTrailer)});
  rows.push_back(
      {"O-064 a bare LF after a trailer", trailers("T: a\n\r\n"), Said("ab", kBadTrailer)});
  rows.push_back({"Q3 a cut trailer", trailers("T: a\r\n"), Said("ab", kCut)});
  rows.push_back({"Q4 Trailer without chunked",
                  "HTTP/1.1 200 OK\r\nTrailer: T\r\nContent-Length: 1\r\n\r\nx",
                  "200 length:1 'x' done"});
}

}  // namespace

std::vector<ResponseCase> BodyCases() {
  std::vector<ResponseCase> rows;
  AddLengthBodies(rows);
  AddNoBodies(rows);
  AddChunks(rows);
  AddTrailers(rows);
  return rows;
}

}  // namespace spillway
