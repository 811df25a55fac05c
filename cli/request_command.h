// `spillwayctl request`: one HTTP request through the daemon.
//
// Thread safety: one thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/daemon.h"
#include "cli/exit_code.h"
#include "spillway/v1/egress.pb.h"

namespace spillway::cli {

struct RequestOptions {
  std::string url;
  std::string method;                // empty: GET, or POST with data
  std::vector<std::string> headers;  // "Name: value"
  std::optional<std::string> data;   // DATA, @FILE or @-
  std::optional<std::string> raw_data;
  std::string request_target;
  std::string output;  // a file, or "-" for standard output whatever it is
  bool head = false;
  bool include = false;
  bool timing = false;
  int verbosity = 0;  // 0 to 4, as client-go's debug levels 6 to 9
  bool fail = false;
  bool fresh = false;
  bool idempotent = false;
  bool not_idempotent = false;
  std::uint64_t max_response_bytes = 0;  // 0: the daemon's default
  std::uint32_t max_attempts = 0;        // 0: the daemon's configuration
  std::uint32_t max_redirects = 0;
  std::string cookie_jar;   // "": none
  bool stream = false;      // bodies are passed on as they come
  bool compressed = false;  // ask for content codings, and undo them
};

inline constexpr std::size_t kMaxDataBytes = 1024UL * 1024 * 1024;

// The message that `options` ask for, without its data. Returns what is wrong, "" when nothing is.
std::string BuildHead(const RequestOptions& options, spillway::v1::HttpRequest& request);
// The message that `options` ask for. Returns what is wrong, "" when nothing is.
std::string BuildRequest(const RequestOptions& options, spillway::v1::HttpRequest& request);

ExitCode RunRequest(const CommonOptions& common, const RequestOptions& options, Console& console);

}  // namespace spillway::cli
