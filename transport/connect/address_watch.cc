#include "transport/connect/address_watch.h"

#include <algorithm>

namespace spillway {

AddressWatch::Known* AddressWatch::Find(const IpAddress& address) {
  const auto found = std::find_if(known_.begin(), known_.end(),
                                  [&](const Known& each) { return each.address == address; });
  return found == known_.end() ? nullptr : &*found;
}

AddressWatch::Known& AddressWatch::FindOrAdd(const IpAddress& address, Instant now) {
  if (Known* known = Find(address)) return *known;
  known_.push_back({address, now});
  return known_.back();
}

bool AddressWatch::InUse(const IpAddress& address) const {
  return std::any_of(connections_.begin(), connections_.end(),
                     [&](const auto& each) { return each.second == address; });
}

void AddressWatch::OnOpened(std::uint64_t connection, const IpAddress& address, Instant now) {
  connections_[connection] = address;
  FindOrAdd(address, now);  // what was dialled was in an answer a moment ago
}

bool AddressWatch::IsGone(const Known& known, Instant now) const {
  return known.missed >= kLeastAnswers &&
         now >= After(known.seen, rotating(now) ? kRotatingAbsence : kLeastAbsence);
}

std::vector<std::uint64_t> AddressWatch::OnAddresses(std::span<const IpAddress> addresses,
                                                     Instant now) {
  if (addresses.empty()) return {};
  for (Known& known : known_) ++known.missed;
  for (const IpAddress& address : addresses) {
    Known& known = FindOrAdd(address, now);
    if (known.missed > 1) rotates_until_ = After(now, kRotationMemory);  // away, and back
    known.missed = 0;
    known.seen = now;
  }
  std::vector<std::uint64_t> gone;
  for (const auto& [connection, address] : connections_) {
    const Known* known = Find(address);
    if (known != nullptr && IsGone(*known, now)) gone.push_back(connection);
  }
  for (const std::uint64_t connection : gone) connections_.erase(connection);
  ForgetIdle();
  return gone;
}

// An address without connections is remembered only to notice that it came back.
void AddressWatch::ForgetIdle() {
  if (known_.size() <= kMaxAddresses) return;
  std::erase_if(known_, [&](const Known& each) { return each.missed > 0 && !InUse(each.address); });
  if (known_.size() <= kMaxAddresses) return;
  std::erase_if(known_, [&](const Known& each) { return !InUse(each.address); });
}

}  // namespace spillway
