// The cardinality guard: which destination label a pool key's counts go to.
//
// What it is: a destination is labelled by the policy entry's name; without one, by host:port when
// that host is among the top K by rate; else by `_other`. Rates come from a space-saving sketch
// that Rebalance feeds from the slots' own counts, so no event touches it.
// What it owns: a slot for each label in use and the series that slots show.
// Thread safety: every function may be called from any thread. Counting through a slot takes no
// lock; the guard's mutex is taken when a pool key appears or disappears, and by Rebalance and
// Labelled for a bounded number of steps at a time.
// Invariants: at most 2 * top_hosts series belong to hosts: the top ones and those that left the
// top less than `ttl` ago. Past counts never move between series. A slot whose users are gone is
// forgotten unless it has a series to show, so memory follows the pool keys in use.

#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "metrics/destination_series.h"
#include "metrics/space_saving.h"
#include "metrics/striped_counter.h"
#include "transport/base/instant.h"
#include "transport/base/mutex.h"

namespace spillway {

// Round trips begun and ended, by method.
class ActiveRoundTrips {
 public:
  void Begin(std::size_t method) {
    cells_.Add(kTotal);
    cells_.Add(kBegun + method);
  }
  void End(std::size_t method) { cells_.Add(kEnded + method); }
  std::uint64_t Begun() const { return cells_.Sum(kTotal); }
  bool Seen(std::size_t method) const { return cells_.Sum(kBegun + method) > 0; }
  // Ended is read first, so that what ends meanwhile cannot make the level negative.
  std::int64_t Running(std::size_t method) const {
    const std::uint64_t ended = cells_.Sum(kEnded + method);
    return static_cast<std::int64_t>(cells_.Sum(kBegun + method) - ended);
  }

 private:
  static constexpr std::size_t kTotal = 0;
  static constexpr std::size_t kBegun = 1;
  static constexpr std::size_t kEnded = kBegun + kMethods.size();
  StripedCells<kEnded + kMethods.size()> cells_;
};

// One destination label as pool keys see it.
class DestinationSlot {
 public:
  explicit DestinationSlot(DestinationLabel its_label) : label(std::move(its_label)) {}

  const DestinationLabel label;
  ActiveRoundTrips active;
  // Where counts go now; valid as long as this slot and its guard live.
  DestinationSeries& series() const { return *current_.load(std::memory_order_acquire); }

 private:
  friend class DestinationGuard;
  enum class Standing : std::uint8_t { kUnlisted, kTop, kLeaving, kNamed };

  std::atomic<DestinationSeries*> current_{nullptr};
  // The rest is guarded by the guard's mutex.
  std::unique_ptr<DestinationSeries> own_;  // kept with the slot: a counter never starts over
  Standing standing_ = Standing::kUnlisted;
  Instant left_top_at_{};
  std::uint64_t taken_ = 0;  // of active.Begun(), already in the sketch
  std::size_t users_ = 0;
  std::size_t position_ = 0;  // in hosts_
};

class DestinationGuard {
 public:
  struct Options {
    std::size_t top_hosts = 100;
    Duration ttl = std::chrono::minutes(15);
    Duration rebalance_every = std::chrono::seconds(10);
    Duration half_life = std::chrono::minutes(5);  // of the rates that rank hosts
    std::size_t max_request_label_sets = 2000;     // of http_client_request_duration_seconds
  };

  // A series to show. `feeds_levels`: its label is the current one of its destination, so levels
  // belong to it.
  struct Shown {
    std::shared_ptr<DestinationSlot> slot;
    DestinationSeries* series = nullptr;
    bool named = false;
    bool feeds_levels = false;
  };

  explicit DestinationGuard(const Options& options);
  DestinationGuard(const DestinationGuard&) = delete;
  DestinationGuard& operator=(const DestinationGuard&) = delete;

  // The slot of a policy entry; lives as long as the guard.
  std::shared_ptr<DestinationSlot> Named(const std::string& name);
  // The slot of a host that matched no entry. Each call is answered by one Release.
  std::shared_ptr<DestinationSlot> Host(const std::string& host, std::uint16_t port);
  void Release(const std::shared_ptr<DestinationSlot>& slot);

  // Ranks hosts anew when `rebalance_every` has passed since it last did, and forgets series
  // whose time is over. Not called concurrently with itself.
  void Rebalance(Instant now);

  // All series to show, in the order in which they were first shown; `_other` comes first.
  std::vector<Shown> Labelled() const;

  DestinationSeries& other() { return *other_->own_; }
  // Round trips of all destinations.
  ActiveRoundTrips& all() { return all_; }
  // Where a round trip of `labels` counts: in `series`, or in `_other` when that has no room.
  RequestHistogram& Requests(DestinationSeries& series, const RequestLabels& labels);
  // Round trips that had to count in `_other` for want of room.
  std::uint64_t folded_requests() const { return folded_requests_.Sum(0); }

 private:
  using Slots = std::unordered_map<std::string, std::shared_ptr<DestinationSlot>>;

  std::shared_ptr<DestinationSlot>& Slot(const DestinationLabel& label) SPILLWAY_REQUIRES(mu_);
  void Show(const std::shared_ptr<DestinationSlot>& slot, DestinationSlot::Standing standing)
      SPILLWAY_REQUIRES(mu_);
  void TakeActivity(DestinationSlot& slot) SPILLWAY_REQUIRES(mu_);
  void ForgetIfUnused(const std::shared_ptr<DestinationSlot>& slot) SPILLWAY_REQUIRES(mu_);
  void TakeAllActivity() SPILLWAY_EXCLUDES(mu_);
  void ExpireLeavers(Instant now) SPILLWAY_REQUIRES(mu_);
  void Rerank(Instant now) SPILLWAY_REQUIRES(mu_);
  void Leave(DestinationSlot& slot, Instant now) SPILLWAY_REQUIRES(mu_);
  std::size_t HostsShown() const SPILLWAY_REQUIRES(mu_);

  const Options options_;
  LabelSetBudget request_budget_;
  LabelSetBudget other_request_budget_;
  ActiveRoundTrips all_;
  StripedCells<1> folded_requests_;

  mutable Mutex mu_;
  // Declared before what points to its series.
  std::shared_ptr<DestinationSlot> other_;
  Slots slots_ SPILLWAY_GUARDED_BY(mu_);
  std::vector<DestinationSlot*> hosts_ SPILLWAY_GUARDED_BY(mu_);
  std::vector<std::shared_ptr<DestinationSlot>> shown_ SPILLWAY_GUARDED_BY(mu_);
  std::size_t top_count_ SPILLWAY_GUARDED_BY(mu_) = 0;
  std::size_t leaving_count_ SPILLWAY_GUARDED_BY(mu_) = 0;
  SpaceSaving sketch_ SPILLWAY_GUARDED_BY(mu_);
  std::optional<Instant> rebalanced_at_;
};

}  // namespace spillway
