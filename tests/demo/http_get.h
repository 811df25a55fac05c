// One blocking HTTP GET, for /readyz and /metrics.
//
// Thread safety: pure but for the socket it opens and closes.

#pragma once

#include <string>

namespace spillway::demo {

struct HttpAnswer {
  unsigned status = 0;  // 0: there was no answer
  std::string body;
};

// `address` is host:port with a numeric host, or unix:PATH.
HttpAnswer HttpGet(const std::string& address, const std::string& path);

}  // namespace spillway::demo
