// Real origins that count their connections themselves, in their access logs.
//
// Thread safety: none; one test's own.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tests/integration/server_process.h"

namespace spillway {

// What an origin's access log says.
struct AccessCount {
  std::uint64_t requests = 0;
  std::uint64_t connections = 0;
};

class RealOrigin {
 public:
  enum class Kind : std::uint8_t { kNginx, kApache };
  explicit RealOrigin(Kind kind);

  bool running() const { return server_.running(); }
  std::string url() const { return server_.url("/file.txt"); }
  std::string output() const { return server_.output(); }
  // Waits until the log holds `requests` lines; fewer when they do not come.
  AccessCount Count(std::uint64_t requests) const;

 private:
  ServerProcess server_;
};

// Writes www/file.txt into `folder`, readable for servers that give up root.
void MakeServedFile(const std::string& folder);
// `text` with FOLDER and PORT put in.
std::string FillConfig(std::string text, const std::string& folder, std::uint16_t port);

// What its file holds.
inline constexpr const char* kRealBody = "hello world\n";

}  // namespace spillway
