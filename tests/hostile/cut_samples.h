// Responses that tests cut at every byte.
//
// Thread safety: constants.

#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace spillway {

struct CutSample {
  const char* name;
  std::string_view bytes;
  std::string_view body;
  bool ends_with_connection;
};

inline constexpr std::array<CutSample, 5> kCutSamples = {{
    {"length", "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello", "hello", false},
    {"chunked",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nT: u\r\n\r\n",
     "abcde", false},
    {"informational",
     "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
     "hi", false},
    {"no body", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", "", false},
    {"until close", "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello", "hello", true},
}};

// Where the final head ends.
inline std::size_t HeadEnd(const CutSample& sample) {
  const std::size_t from = sample.bytes.rfind("HTTP/1.1 20");
  return sample.bytes.find("\r\n\r\n", from) + 4;
}

}  // namespace spillway
