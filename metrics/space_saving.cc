#include "metrics/space_saving.h"

namespace spillway {

void SpaceSaving::Add(const std::string& key, double weight) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) {
    ranking_.erase({found->second.count, found->first});
    found->second.count += weight;
    ranking_.insert({found->second.count, found->first});
    return;
  }
  double error = 0;
  if (entries_.size() >= capacity_) {
    const auto smallest = ranking_.begin();
    error = smallest->first;
    const std::string evicted(smallest->second);
    ranking_.erase(smallest);
    entries_.erase(evicted);
  }
  const auto added = entries_.emplace(key, Entry{error + weight, error}).first;
  ranking_.insert({added->second.count, added->first});
}

void SpaceSaving::Decay(double factor) {
  ranking_.clear();
  for (auto& [key, entry] : entries_) {
    entry.count *= factor;
    entry.error *= factor;
    ranking_.insert({entry.count, key});
  }
}

double SpaceSaving::Guaranteed(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? 0 : found->second.count - found->second.error;
}

std::vector<SpaceSaving::Item> SpaceSaving::Items() const {
  std::vector<Item> items;
  items.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) items.push_back({key, entry.count, entry.error});
  return items;
}

}  // namespace spillway
