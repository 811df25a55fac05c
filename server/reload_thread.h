// The thread that reloads the configuration: on request, and when files change.
//
// What it is: a queue of requests and a beat of kFilePollInterval in front of a PolicyReloader.
// Reading files and keys takes time that neither gRPC's threads nor the signal loop have.
// What it owns: the thread; not the reloader, which must outlive it.
// Thread safety: Request and Stop from any thread.
// Invariants: each request's `done` is called exactly once, on the thread or, after the end, on the
// caller's; requests that wait together are served by one load.

#pragma once

#include <condition_variable>
#include <functional>
#include <thread>
#include <vector>

#include "server/policy_reloader.h"
#include "transport/base/mutex.h"

namespace spillway {

class ReloadThread {
 public:
  using Done = std::function<void(const ReloadOutcome&)>;

  // `now` is the transport's clock.
  ReloadThread(PolicyReloader& reloader, std::function<Instant()> now);
  ~ReloadThread() { Stop(); }
  ReloadThread(const ReloadThread&) = delete;
  ReloadThread& operator=(const ReloadThread&) = delete;

  // `done` may be null.
  void Request(ReloadTrigger trigger, Done done);
  // Ends the thread; requests that wait get ReloadOutcome::Kind::kEnding. Idempotent.
  void Stop();

 private:
  struct Waiting {
    ReloadTrigger trigger;
    Done done;
  };

  void Run();
  // What waits, after at most one beat; `stop` when it is time to end.
  std::vector<Waiting> Next(bool& stop);

  PolicyReloader& reloader_;
  const std::function<Instant()> now_;
  Mutex mu_;
  std::condition_variable_any changed_;
  std::vector<Waiting> waiting_ SPILLWAY_GUARDED_BY(mu_);
  bool stop_ SPILLWAY_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace spillway
