// nginx and Apache as origins of large bodies: files to serve, files to take, both counted in the
// access log.
//
// Thread safety: none; one test's own.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/integration/server_process.h"

namespace spillway {

class BodyOrigin {
 public:
  enum class Kind : std::uint8_t {
    kNginx,
    kNginxHttp2,  // HTTP/2 in clear text, by prior knowledge; as kApacheHttp2
    kApache,
    kApacheHttp2,
  };
  explicit BodyOrigin(Kind kind);

  bool running() const { return server_.running(); }
  std::string output() const { return server_.output(); }
  std::string url(const std::string& path) const { return server_.url(path); }
  // Writes a file under the root, to be served.
  void Serve(const std::string& path, const std::string& content) const;
  // What a PUT of `path` left; "" when there is no such file.
  std::string Taken(const std::string& path) const;
  // Waits for as many lines of the access log: status, method, X-Sum among the request's trailer
  // fields (Apache only; else "-").
  std::vector<std::string> Log(std::size_t lines) const;

 private:
  ServerProcess server_;
};

// Largest body that its /small/ takes.
inline constexpr std::size_t kSmallLimit = 1024;
// Trailer field of what nginx's /trailed/ serves.
inline constexpr const char* kTrailerName = "X-Made-By";
inline constexpr const char* kTrailerValue = "nginx";

}  // namespace spillway
