#include "metrics/destination_guard.h"

#include <algorithm>
#include <cmath>

namespace spillway {
namespace {

// The sketch holds more keys than are shown: their counts are what newcomers must beat.
constexpr std::size_t kSketchKeysPerHost = 10;

// A host takes another's place when it has this many times its count, and some more, so that
// places do not change hands between hosts that are hardly used.
constexpr double kLeadFactor = 2;
constexpr double kLeadCount = 8;

// Slots visited under one hold of the mutex.
constexpr std::size_t kSlotsAtOnce = 1024;

// What `_other` may add to the request families; the rest is for everybody else.
constexpr std::size_t kOtherRequestLabelSets = RequestTable::kMaxEntries;

std::size_t WithoutOther(std::size_t limit) {
  return limit > kOtherRequestLabelSets ? limit - kOtherRequestLabelSets : 0;
}

}  // namespace

DestinationGuard::DestinationGuard(const Options& options)
    : options_(options),
      request_budget_(WithoutOther(options.max_request_label_sets)),
      other_request_budget_(kOtherRequestLabelSets),
      sketch_(options.top_hosts * kSketchKeysPerHost) {
  const std::string name(kOtherDestination);
  other_ = std::make_shared<DestinationSlot>(DestinationLabel::Named(name));
  other_->own_ = std::make_unique<DestinationSeries>(other_->label, other_request_budget_);
  other_->current_.store(other_->own_.get(), std::memory_order_release);
  other_->standing_ = DestinationSlot::Standing::kNamed;
  // The last resort of round trips whose combination fits nowhere; there, it always fits.
  other_->own_->requests.Find(RequestLabels());
  slots_.emplace(name, other_);
  shown_.push_back(other_);
}

std::shared_ptr<DestinationSlot>& DestinationGuard::Slot(const DestinationLabel& label) {
  auto& slot = slots_[label.destination];
  if (slot == nullptr) {
    slot = std::make_shared<DestinationSlot>(label);
    slot->current_.store(other_->own_.get(), std::memory_order_release);
    slot->position_ = hosts_.size();
    hosts_.push_back(slot.get());
  }
  return slot;
}

void DestinationGuard::Show(const std::shared_ptr<DestinationSlot>& slot,
                            DestinationSlot::Standing standing) {
  using Standing = DestinationSlot::Standing;
  if (slot->standing_ == Standing::kUnlisted) shown_.push_back(slot);
  if (slot->standing_ == Standing::kLeaving) --leaving_count_;
  if (slot->standing_ == Standing::kTop) --top_count_;
  if (standing == Standing::kTop) ++top_count_;
  slot->standing_ = standing;
  if (slot->own_ == nullptr) {
    slot->own_ = std::make_unique<DestinationSeries>(slot->label, request_budget_);
  }
  slot->current_.store(slot->own_.get(), std::memory_order_release);
}

std::shared_ptr<DestinationSlot> DestinationGuard::Named(const std::string& name) {
  MutexLock lock(mu_);
  auto& slot = Slot(DestinationLabel::Named(name));
  if (slot->standing_ != DestinationSlot::Standing::kNamed) {
    hosts_.back()->position_ = slot->position_;
    std::swap(hosts_[slot->position_], hosts_.back());
    hosts_.pop_back();
    Show(slot, DestinationSlot::Standing::kNamed);
  }
  return slot;
}

std::shared_ptr<DestinationSlot> DestinationGuard::Host(const std::string& host,
                                                        std::uint16_t port) {
  MutexLock lock(mu_);
  auto& slot = Slot(DestinationLabel::Host(host, port));
  ++slot->users_;
  if (slot->standing_ == DestinationSlot::Standing::kUnlisted && top_count_ < options_.top_hosts &&
      HostsShown() < 2 * options_.top_hosts) {
    Show(slot, DestinationSlot::Standing::kTop);
  }
  return slot;
}

void DestinationGuard::Release(const std::shared_ptr<DestinationSlot>& slot) {
  MutexLock lock(mu_);
  if (slot->standing_ == DestinationSlot::Standing::kNamed) return;
  --slot->users_;
  ForgetIfUnused(slot);
}

void DestinationGuard::ForgetIfUnused(const std::shared_ptr<DestinationSlot>& slot) {
  if (slot->users_ > 0) return;
  TakeActivity(*slot);
  if (slot->standing_ != DestinationSlot::Standing::kUnlisted) return;
  hosts_.back()->position_ = slot->position_;
  std::swap(hosts_[slot->position_], hosts_.back());
  hosts_.pop_back();
  slots_.erase(slot->label.destination);
}

void DestinationGuard::TakeActivity(DestinationSlot& slot) {
  const std::uint64_t begun = slot.active.Begun();
  if (begun == slot.taken_) return;
  sketch_.Add(slot.label.destination, static_cast<double>(begun - slot.taken_));
  slot.taken_ = begun;
}

void DestinationGuard::TakeAllActivity() {
  // A slot that moves behind the walk between two holds is visited by the next walk.
  for (std::size_t at = 0;;) {
    MutexLock lock(mu_);
    const std::size_t end = std::min(hosts_.size(), at + kSlotsAtOnce);
    for (; at < end; ++at) TakeActivity(*hosts_[at]);
    if (at >= hosts_.size()) return;
  }
}

void DestinationGuard::Rebalance(Instant now) {
  // Counts from before the first time are as old as the guard, which is no reason to decay them.
  const Instant last = rebalanced_at_.value_or(now);
  if (rebalanced_at_.has_value() && now < After(last, options_.rebalance_every)) return;
  const double half_lives = ToSeconds(now - last) / ToSeconds(options_.half_life);
  rebalanced_at_ = now;
  {
    MutexLock lock(mu_);
    sketch_.Decay(std::exp2(-std::min(half_lives, 100.0)));
  }
  TakeAllActivity();
  MutexLock lock(mu_);
  ExpireLeavers(now);
  Rerank(now);
}

void DestinationGuard::ExpireLeavers(Instant now) {
  std::vector<std::shared_ptr<DestinationSlot>> gone;
  std::erase_if(shown_, [&](const std::shared_ptr<DestinationSlot>& slot) {
    if (slot->standing_ != DestinationSlot::Standing::kLeaving) return false;
    if (now < After(slot->left_top_at_, options_.ttl)) return false;
    slot->standing_ = DestinationSlot::Standing::kUnlisted;
    gone.push_back(slot);
    return true;
  });
  leaving_count_ -= gone.size();
  for (const auto& slot : gone) ForgetIfUnused(slot);
}

void DestinationGuard::Leave(DestinationSlot& slot, Instant now) {
  slot.standing_ = DestinationSlot::Standing::kLeaving;
  slot.left_top_at_ = now;
  slot.current_.store(other_->own_.get(), std::memory_order_release);
  --top_count_;
  ++leaving_count_;
}

void DestinationGuard::Rerank(Instant now) {
  struct Ranked {
    double count = 0;
    std::shared_ptr<DestinationSlot> slot;
  };
  std::vector<Ranked> top;
  for (const auto& slot : shown_) {
    if (slot->standing_ != DestinationSlot::Standing::kTop) continue;
    top.push_back({sketch_.Guaranteed(slot->label.destination), slot});
  }
  std::vector<Ranked> challengers;
  for (const SpaceSaving::Item& item : sketch_.Items()) {
    const auto found = slots_.find(item.key);
    if (found == slots_.end() || found->second->users_ == 0) continue;
    const auto standing = found->second->standing_;
    if (standing == DestinationSlot::Standing::kUnlisted ||
        standing == DestinationSlot::Standing::kLeaving) {
      challengers.push_back({item.guaranteed(), found->second});
    }
  }
  const auto by_count = [](const Ranked& a, const Ranked& b) { return a.count < b.count; };
  std::sort(top.begin(), top.end(), by_count);
  std::sort(challengers.rbegin(), challengers.rend(), by_count);
  auto weakest = top.begin();
  for (const Ranked& challenger : challengers) {
    const bool needs_room = challenger.slot->standing_ == DestinationSlot::Standing::kUnlisted;
    if (needs_room && HostsShown() >= 2 * options_.top_hosts) continue;
    if (top_count_ >= options_.top_hosts) {
      if (weakest == top.end()) break;
      if (challenger.count <= kLeadFactor * weakest->count + kLeadCount) break;
      Leave(*weakest->slot, now);
      ++weakest;
    }
    Show(challenger.slot, DestinationSlot::Standing::kTop);
  }
}

std::size_t DestinationGuard::HostsShown() const { return top_count_ + leaving_count_; }

RequestHistogram& DestinationGuard::Requests(DestinationSeries& series,
                                             const RequestLabels& labels) {
  if (RequestHistogram* own = series.requests.Find(labels)) return *own;
  folded_requests_.Add(0);
  if (RequestHistogram* other = other_->own_->requests.Find(labels)) return *other;
  return *other_->own_->requests.Find(RequestLabels());
}

std::vector<DestinationGuard::Shown> DestinationGuard::Labelled() const {
  using Standing = DestinationSlot::Standing;
  MutexLock lock(mu_);
  std::vector<Shown> all;
  all.reserve(shown_.size());
  for (const auto& slot : shown_) {
    all.push_back({slot, slot->own_.get(), slot->standing_ == Standing::kNamed && slot != other_,
                   slot->standing_ != Standing::kLeaving});
  }
  return all;
}

}  // namespace spillway
