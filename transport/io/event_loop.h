// One thread with one Asio io_context: where a connection lives for its whole life.
//
// What it owns: the io_context, its thread, and the scratch buffer that reads on this loop share.
// Thread safety: Post, RunAfter and the connection count from any thread; scratch() on the loop.
// Invariants: after Stop() returned, no handler runs on the loop; what was given to RunAfter has
// run or runs, once, whenever it was given.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "transport/base/instant.h"
#include "transport/base/mutex.h"

namespace spillway {

namespace asio = boost::asio;

class EventLoop {
 public:
  // `on_lag` hears, about once a second on the loop's thread, how late the loop was.
  EventLoop(std::uint32_t index, std::function<void(std::uint32_t, Duration)> on_lag);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void Start();
  // Runs what is still queued, cancels the loop's own timer, ends the thread. Sockets of the loop
  // must be closed before, else it waits for them.
  void Stop();

  template <typename Function>
  void Post(Function&& function) {
    asio::post(context_, std::forward<Function>(function));
  }
  // Calls `function` once, when `delay` is over or Stop comes before: on the loop, or, when its
  // thread has ended, on the thread that stops it or on this one before this returns. So no lock
  // that `function` takes may be held here.
  void RunAfter(Duration delay, std::function<void()> function);
  // The loop whose thread this is; null on any other thread.
  static EventLoop* Current();
  bool InLoop() const { return std::this_thread::get_id() == thread_.get_id(); }

  asio::io_context& context() { return context_; }
  std::uint32_t index() const { return index_; }
  std::span<char> scratch() { return scratch_; }

  // How many connections live here; placement of new ones goes by it.
  void AddConnection() { connections_.fetch_add(1, std::memory_order_relaxed); }
  void RemoveConnection() { connections_.fetch_sub(1, std::memory_order_relaxed); }
  std::uint32_t connections() const { return connections_.load(std::memory_order_relaxed); }

 private:
  struct Delayed;

  void ProbeLag();
  void Run(const std::shared_ptr<Delayed>& delayed);
  // What the loop's thread left undone.
  void RunLeftOver();

  static constexpr std::size_t kScratchBytes = 64 * 1024;

  const std::uint32_t index_;
  const std::function<void(std::uint32_t, Duration)> on_lag_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer lag_timer_;
  bool stopping_ = false;  // of the loop's thread
  Mutex mu_;
  std::set<std::shared_ptr<Delayed>> delayed_ SPILLWAY_GUARDED_BY(mu_);
  bool ended_ SPILLWAY_GUARDED_BY(mu_) = false;  // nothing runs on the loop any more
  std::vector<char> scratch_;
  std::atomic<std::uint32_t> connections_{0};
  std::thread thread_;
};

class LoopGroup {
 public:
  LoopGroup(std::uint32_t count, const std::function<void(std::uint32_t, Duration)>& on_lag);

  void Start();
  void Stop();
  // The loop with the fewest connections.
  EventLoop& PickForConnection();
  EventLoop& at(std::size_t index) { return *loops_[index % loops_.size()]; }
  std::size_t size() const { return loops_.size(); }

 private:
  std::vector<std::unique_ptr<EventLoop>> loops_;
};

}  // namespace spillway
