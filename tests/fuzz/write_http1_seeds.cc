// Writes the rows of the response table, and requests and URLs in the formats of their targets, as
// seeds: write_http1_seeds DIR makes DIR/response_head, DIR/chunked, DIR/url, DIR/request_encoder.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iostream>
#include <string>
#include <string_view>

#include "tests/transport/http1/response_cases.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxSeedBytes = 4096;

class Folder {
 public:
  explicit Folder(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
  }
  void Write(std::string_view bytes) {
    if (bytes.size() > kMaxSeedBytes) return;
    std::ofstream file(path_ / ("seed-" + std::to_string(++count_)), std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  std::filesystem::path path_;
  int count_ = 0;
};

void WriteResponses(const std::filesystem::path& root) {
  Folder heads(root / "response_head");
  Folder chunks(root / "chunked");
  for (const ResponseCase& row : AllResponseCases()) {
    const char kind = row.head_request ? 'H' : row.upgrade_allowed ? 'U' : 'G';
    heads.Write(kind + row.bytes);
    const std::size_t body = row.bytes.find("\r\n\r\n");
    if (row.bytes.find("hunked") == std::string::npos || body == std::string::npos) continue;
    chunks.Write("G" + row.bytes.substr(body + 4));
    chunks.Write("S" + row.bytes.substr(body + 4));
  }
}

void WriteUrls(const std::filesystem::path& root) {
  Folder urls(root / "url");
  for (const std::string_view text : {"http://example.com",
                                      "HTTPS://EXAMPLE.com:443/A?b=C",
                                      "http://h:65535?q",
                                      "http://10.0.0.255:8080/",
                                      "http://[2001:DB8:0:0:0:0:0:1]:81/x",
                                      "http://[::ffff:1.2.3.4]",
                                      "http://b\xc3\xbc"
                                      "cher.example/",
                                      "http://xn--bcher-kva.example/",
                                      "http://127.1/",
                                      "http://0x7f.1/",
                                      "http://[fe80::1%25eth0]/",
                                      "http://a@b/",
                                      "http://a\\b",
                                      "http://h/#f",
                                      "http://h:080/",
                                      "http://a..b/",
                                      "http://my_svc/",
                                      "http://\xe6\x97\xa5\xe6\x9c\xac\xe3\x80\x82jp/",
                                      "http://\xef\xbc\x91.1.1.1/",
                                      "example.com:80",
                                      "[::1]:80",
                                      "http://xn--a.b/",
                                      "http://h/\"<>^`{|}%zz",
                                      "http://-a/",
                                      "http://1.2.3.4.5/"}) {
    urls.Write(text);
  }
}

void WriteRequests(const std::filesystem::path& root) {
  Folder requests(root / "request_encoder");
  const auto write = [&](std::initializer_list<std::string_view> parts) {
    std::string seed;
    for (const std::string_view part : parts) {
      if (part.data() != parts.begin()->data()) seed += '\x1e';
      seed += part;
    }
    requests.Write(seed);
  };
  write({"0", "GET", "http://h/p?q", "", ""});
  write({"c", "POST", "http://h:81/", "", "body", "A", "b", "host", "x:1", "Content-Length", "4"});
  write({"0", "OPTIONS", "http://[::1]/", "*", ""});
  write(
      {"0", "PUT", "http://h/", "", "", "Connection", "close", "TE", "trailers", "X", "\xff\t y"});
  write({"0", "GET", "http://h/", "", "", "Transfer-Encoding", "chunked"});
  write({"0", "GET", "http://h/", "", "", "A", "b\r\nC: d"});
  write({"0", "GET", "http://h/", "", "", "Connection", "upgrade", "Upgrade", "websocket"});
  write({"0", "GET", "http://h/", "", "", "content_length", "5", "Keep-Alive", "1"});
  write({"0", "CONNECT", "http://h/", "h:80", ""});
  write({"0", "TRACE", "http://h/", "", "", "Expect", "100-continue", "Trailer", "X"});
  write({"0", "GET", "http://h/", "", "", "Host", "a", "Host", "b"});
  write({"0", "GET", "http://h/", "", "", "Idempotency-Key", "1", "Proxy-X", "1"});
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_http1_seeds DIR\n";
    return EXIT_FAILURE;
  }
  spillway::WriteResponses(argv[1]);
  spillway::WriteUrls(argv[1]);
  spillway::WriteRequests(argv[1]);
  return EXIT_SUCCESS;
}
