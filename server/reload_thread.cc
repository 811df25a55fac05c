#include "server/reload_thread.h"

#include <chrono>
#include <utility>

namespace spillway {

ReloadThread::ReloadThread(PolicyReloader& reloader, std::function<Instant()> now)
    : reloader_(reloader), now_(std::move(now)), thread_([this] { Run(); }) {}

void ReloadThread::Request(ReloadTrigger trigger, Done done) {
  {
    const MutexLock lock(mu_);
    if (!stop_) {
      waiting_.push_back({trigger, std::move(done)});
      changed_.notify_all();
      return;
    }
  }
  if (done) done({ReloadOutcome::Kind::kEnding, reloader_.config()->policy->version(), {}, ""});
}

void ReloadThread::Stop() {
  {
    const MutexLock lock(mu_);
    stop_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::vector<ReloadThread::Waiting> ReloadThread::Next(bool& stop) {
  const auto until = std::chrono::steady_clock::now() + kFilePollInterval;
  MutexLock lock(mu_);
  while (waiting_.empty() && !stop_) {
    if (changed_.wait_until(mu_, until) == std::cv_status::timeout) break;
  }
  stop = stop_;
  return std::exchange(waiting_, {});
}

void ReloadThread::Run() {
  bool stop = false;
  while (!stop) {
    const std::vector<Waiting> waiting = Next(stop);
    if (waiting.empty()) {
      if (!stop) reloader_.Poll(now_());
      continue;
    }
    const ReloadOutcome outcome = stop ? ReloadOutcome{ReloadOutcome::Kind::kEnding,
                                                       reloader_.config()->policy->version(),
                                                       {},
                                                       ""}
                                       : reloader_.Reload(waiting.front().trigger);
    for (const Waiting& request : waiting) {
      if (request.done) request.done(outcome);
    }
  }
}

}  // namespace spillway
