// The daemon's own HTTP listener: /metrics, /healthz and /readyz, and nothing else.
//
// What it is: a small HTTP/1.1 server on one thread of its own.
// What it owns: that thread, a copy of the listening descriptor, and at most kMaxConnections
// connections; more wait in the listener's backlog.
// Thread safety: construction and destruction from one thread; the handlers are called on the
// endpoint's thread.
// Invariants: a request's head is at most kMaxHeadBytes and arrives, and its answer is taken,
// within kIoTimeout; an idle connection ends after kIdleTimeout. Scrapes that wait together get one
// rendering (case C-081). Running out of descriptors pauses accepting for kAcceptPause.

#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace spillway {

class HttpEndpoint {
 public:
  static constexpr std::size_t kMaxConnections = 128;
  static constexpr std::size_t kMaxHeadBytes = std::size_t{8} * 1024;
  static constexpr std::chrono::seconds kIoTimeout{10};
  static constexpr std::chrono::seconds kIdleTimeout{90};  // beyond a usual scrape interval
  static constexpr std::chrono::milliseconds kAcceptPause{100};

  struct Handlers {
    // The text of /metrics: Metrics::Scrape.
    std::function<std::shared_ptr<const std::string>()> metrics;
    // Whether new work is welcome: /readyz says 200 "ready" or 503 "draining".
    std::function<bool()> ready;
  };

  // Serves on a listening stream socket (TCP or Unix), of which it keeps a copy: the caller closes
  // its own. Null when the descriptor cannot be copied; then `error` says why.
  static std::unique_ptr<HttpEndpoint> Start(int listening_fd, Handlers handlers,
                                             std::string& error);
  // Ends all connections and the thread.
  ~HttpEndpoint();
  HttpEndpoint(const HttpEndpoint&) = delete;
  HttpEndpoint& operator=(const HttpEndpoint&) = delete;

 private:
  class Impl;
  explicit HttpEndpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace spillway
