// Which keys occur most often, in bounded memory: the space-saving sketch.
//
// What it is: counts for at most `capacity` keys (Metwally, Agrawal, El Abbadi 2005). A key that
// finds the sketch full takes over the place and the count of the smallest one, and remembers
// that count as its error. Decay turns counts into rates.
// Thread safety: none; its owner locks.
// Invariants: count - error <= true (decayed) count <= count; at most `capacity` keys.

#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spillway {

class SpaceSaving {
 public:
  struct Item {
    std::string key;
    double count = 0;
    double error = 0;
    // What the key is known to have had.
    double guaranteed() const { return count - error; }
  };

  explicit SpaceSaving(std::size_t capacity) : capacity_(capacity) {}

  void Add(const std::string& key, double weight);
  // Multiplies all counts and errors; 0 < factor <= 1.
  void Decay(double factor);
  // Zero for a key it does not hold.
  double Guaranteed(const std::string& key) const;
  // All of them, in no order.
  std::vector<Item> Items() const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    double count = 0;
    double error = 0;
  };
  using Rank = std::pair<double, std::string_view>;  // views into entries_'s keys, which stay put

  std::size_t capacity_;
  std::unordered_map<std::string, Entry> entries_;
  std::set<Rank> ranking_;
};

}  // namespace spillway
