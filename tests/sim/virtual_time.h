// A clock that jumps from event to event, for simulations.
//
// What it owns: the events to come. Events at one instant run in the order in which they were
// asked for, so one seed is one history.
// Thread safety: none.

#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "transport/base/instant.h"

namespace spillway {

class VirtualTime {
 public:
  explicit VirtualTime(Instant start) : now_(start) {}

  Instant now() const { return now_; }
  void At(Instant at, std::function<void()> event) {
    events_.push({at < now_ ? now_ : at, ++sequence_, std::move(event)});
  }
  void In(Duration delay, std::function<void()> event) { At(After(now_, delay), std::move(event)); }

  // Runs the next event; false when there is none.
  bool Step() {
    if (events_.empty()) return false;
    // top() is const only to protect the order, which the move does not touch.
    Event next = std::move(const_cast<Event&>(events_.top()));
    events_.pop();
    now_ = next.at;
    next.run();
    return true;
  }

 private:
  struct Event {
    Instant at;
    std::uint64_t sequence;
    std::function<void()> run;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };

  Instant now_;
  std::uint64_t sequence_ = 0;
  std::priority_queue<Event> events_;
};

}  // namespace spillway
