#include "transport/io/event_loop.h"

#include <algorithm>
#include <utility>

#include "transport/io/clock.h"

namespace spillway {
namespace {

constexpr std::chrono::seconds kLagProbeInterval{1};

thread_local EventLoop* current_loop = nullptr;

}  // namespace

struct EventLoop::Delayed {
  Delayed(asio::io_context& context, std::function<void()> what)
      : timer(context), function(std::move(what)) {}
  asio::steady_timer timer;
  std::function<void()> function;
};

EventLoop::EventLoop(std::uint32_t index, std::function<void(std::uint32_t, Duration)> on_lag)
    : index_(index),
      on_lag_(std::move(on_lag)),
      work_(asio::make_work_guard(context_)),
      lag_timer_(context_),
      scratch_(kScratchBytes) {}

EventLoop::~EventLoop() { Stop(); }

void EventLoop::Start() {
  thread_ = std::thread([this] {
    current_loop = this;
    if (on_lag_) ProbeLag();
    context_.run();
  });
}

void EventLoop::Stop() {
  if (thread_.joinable()) {
    Post([this] {
      // The timer may have fired already and its handler be next in line: cancelling alone would
      // let that handler start it again, for ever.
      stopping_ = true;
      lag_timer_.cancel();
      MutexLock lock(mu_);
      for (const auto& waiting : delayed_) waiting->timer.cancel();
    });
    work_.reset();
    thread_.join();
  }
  RunLeftOver();
}

EventLoop* EventLoop::Current() { return current_loop; }

void EventLoop::RunAfter(Duration delay, std::function<void()> function) {
  auto delayed = std::make_shared<Delayed>(context_, std::move(function));
  bool ended = false;
  {
    MutexLock lock(mu_);
    ended = ended_;
    if (!ended) delayed_.insert(delayed);
  }
  if (ended) return delayed->function();
  Post([this, delay, delayed] {
    if (stopping_) return Run(delayed);
    delayed->timer.expires_after(delay);
    delayed->timer.async_wait([this, delayed](const boost::system::error_code&) { Run(delayed); });
  });
}

void EventLoop::Run(const std::shared_ptr<Delayed>& delayed) {
  {
    MutexLock lock(mu_);
    delayed_.erase(delayed);
  }
  // What it holds goes now, not with whichever handler still knows of it.
  std::exchange(delayed->function, nullptr)();
}

// A thread that outlives the loop's may ask when the loop has already looked at its queue for the
// last time.
void EventLoop::RunLeftOver() {
  std::set<std::shared_ptr<Delayed>> left;
  {
    MutexLock lock(mu_);
    ended_ = true;
    left.swap(delayed_);
  }
  for (const auto& delayed : left) std::exchange(delayed->function, nullptr)();
}

void EventLoop::ProbeLag() {
  const Instant due = After(Now(), kLagProbeInterval);
  lag_timer_.expires_after(kLagProbeInterval);
  lag_timer_.async_wait([this, due](const boost::system::error_code& error) {
    if (error || stopping_) return;
    on_lag_(index_, std::max(Duration::zero(), Now() - due));
    ProbeLag();
  });
}

LoopGroup::LoopGroup(std::uint32_t count,
                     const std::function<void(std::uint32_t, Duration)>& on_lag) {
  for (std::uint32_t i = 0; i < count; ++i) {
    loops_.push_back(std::make_unique<EventLoop>(i, on_lag));
  }
}

void LoopGroup::Start() {
  for (const auto& loop : loops_) loop->Start();
}

void LoopGroup::Stop() {
  for (const auto& loop : loops_) loop->Stop();
}

EventLoop& LoopGroup::PickForConnection() {
  return **std::min_element(loops_.begin(), loops_.end(), [](const auto& a, const auto& b) {
    return a->connections() < b->connections();
  });
}

}  // namespace spillway
