// The daemon's command line.
//
// Thread safety: plain values; ParseFlags is called once, from main.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/access_log.h"
#include "server/defaults.h"
#include "server/log.h"

namespace spillway {

struct Flags {
  std::vector<std::string> grpc_listen;  // empty: the configuration's
  std::string http_listen;               // empty: the configuration's
  std::string admin_listen;              // empty: the configuration's
  FrontTlsFiles grpc_tls;                // empty names: the configuration's
  bool allow_insecure_remote = false;    // false: the configuration's
  std::string config;                    // empty: defaults
  std::string check_config;              // not empty: only check this file
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  AccessLogMode access_log = AccessLogMode::kOff;
};

// The flags, or the exit status when the process is to end now: --help and --version print and give
// 0, a mistake prints what is wrong and gives 2.
struct ParsedFlags {
  Flags flags;
  std::optional<int> exit_status;
};

ParsedFlags ParseFlags(int argc, const char* const* argv);

}  // namespace spillway
