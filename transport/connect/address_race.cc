#include "transport/connect/address_race.h"

namespace spillway {

AddressRace::AddressRace(std::span<const IpAddress> addresses, Duration gap) : gap_(gap) {
  std::vector<std::size_t> preferred;
  std::vector<std::size_t> other;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    (addresses[i].family == addresses[0].family ? preferred : other).push_back(i);
  }
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (i < preferred.size()) order_.push_back(preferred[i]);
    if (i < other.size()) order_.push_back(other[i]);
  }
}

std::optional<std::size_t> AddressRace::Next(Instant now) {
  if (next_ == order_.size() || now < due_) return std::nullopt;
  due_ = After(now, gap_);
  ++running_;
  return order_[next_++];
}

void AddressRace::OnFailed(Instant now) {
  --running_;
  due_ = now;
}

Instant AddressRace::NextDue() const { return next_ == order_.size() ? kNever : due_; }

}  // namespace spillway
