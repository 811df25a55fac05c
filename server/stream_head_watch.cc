#include "server/stream_head_watch.h"

#include <vector>

namespace spillway {

StreamHeadWatch::Ticket StreamHeadWatch::Add(Duration wait, std::function<void()> overdue) {
  const Instant now = now_();
  const Instant due = After(now, wait);
  Ticket ticket;
  {
    const MutexLock lock(mu_);
    ticket = {due, ++added_};
    waiting_.emplace(ticket, std::move(overdue));
    if (!WantTimer(due)) return ticket;
  }
  SetTimer(now, due);
  return ticket;
}

void StreamHeadWatch::Remove(const Ticket& ticket) {
  const MutexLock lock(mu_);
  waiting_.erase(ticket);
}

std::size_t StreamHeadWatch::size() const {
  const MutexLock lock(mu_);
  return waiting_.size();
}

bool StreamHeadWatch::WantTimer(Instant due) {
  if (!timers_.empty() && *timers_.begin() <= due) return false;
  return timers_.insert(due).second;
}

void StreamHeadWatch::SetTimer(Instant now, Instant due) {
  run_after_(Until(due, now), [weak = weak_from_this(), due] {
    if (const auto self = weak.lock()) self->OnTimer(due);
  });
}

void StreamHeadWatch::OnTimer(Instant due) {
  const Instant now = now_();
  std::vector<std::function<void()>> overdue;
  Instant next = kNever;
  {
    const MutexLock lock(mu_);
    timers_.erase(due);
    while (!waiting_.empty() && waiting_.begin()->first.first <= now) {
      overdue.push_back(std::move(waiting_.begin()->second));
      waiting_.erase(waiting_.begin());
    }
    // Called before its time: everything ends, and another timer would be called at once.
    if (now >= due && !waiting_.empty() && WantTimer(waiting_.begin()->first.first)) {
      next = waiting_.begin()->first.first;
    }
  }
  if (next != kNever) SetTimer(now, next);
  for (const auto& call : overdue) call();
}

}  // namespace spillway
