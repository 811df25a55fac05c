// How an origin answers what its scripts leave to it.
//
// Thread safety: the functions are called by the threads of all connections at once.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "tests/origin/script.h"
#include "tests/origin/seen.h"
#include "tests/origin/tls_server.h"

namespace spillway {

// Decides how `serve` answers a request: the steps to play. Called after the whole body was read.
using Handler = std::function<Script(const SeenRequest& request, std::uint64_t connection)>;

// Hears of a request that `serve` is about to read the body of; steps it returns are played
// instead.
using HeadHook =
    std::function<std::optional<Script>(const SeenRequest& request, std::uint64_t connection)>;

struct Hooks {
  Handler handler;   // never empty
  HeadHook on_head;  // may be empty
  TlsKeys tls_keys;
  std::optional<Step> tls;  // a `tls` step that each connection begins with
  bool http2 = false;       // connections speak HTTP/2 without TLS having said so
};

}  // namespace spillway
