// The books about every connection and dial of one pool key.
//
// What it is: storage with stale-proof handles, one shelf a kind of connection, and counts. It
// decides nothing.
// What it owns: the entries; not the sockets, which the shell keeps under the same ConnId.
// Thread safety: none; HostPool's callers serialize.
// Invariants: a handle reaches an entry only while its generation lives (case O-121). An entry is
// on exactly the shelf that ShelfOf() says, once its owner has called Shelve() after a change. The
// idle shelves are ordered by last use, newest in front; the shared one by load, least first, among
// equals the most recently used. Counts equal what a walk would count.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "transport/base/instant.h"
#include "transport/pool/action.h"
#include "transport/pool/indexed_heap.h"
#include "transport/pool/slab.h"

namespace spillway {

enum class ConnState : std::uint8_t { kFree, kConnecting, kOpen, kDraining };

// Where an entry is looked for. The first three are the idle ones: open and unused.
enum class Shelf : std::uint8_t {
  kUsed,    // has carried an exchange
  kUnused,  // never carried one
  kBarred,  // the peer allows none at the moment (HTTP/2 capacity 0)
  kShared,  // busy, with room for another exchange (HTTP/2)
  kNone,    // connecting, draining, or busy and full
};
inline constexpr std::size_t kIdleShelves = 3;

// `state` stands apart from `in_use`: side by side, the compiler tests both in one load, which
// waits for the store of either.
struct ConnEntry {
  SlotLink link;
  ConnId id;
  std::uint32_t in_use = 0;
  std::uint32_t capacity = 0;       // exchanges at once: what the peer allows, within our limit
  std::uint32_t peer_capacity = 0;  // what the peer allows
  ConnState state = ConnState::kFree;
  Shelf shelf = Shelf::kNone;
  bool multiplexed = false;  // has been told a capacity other than one: it is HTTP/2
  bool served = false;       // an exchange on it came to a good end
  bool expected = false;     // while connecting: waiters may count on it
  CloseReason retired_for = CloseReason::kError;  // while draining, or when its dial is disowned
  std::uint64_t uses = 0;                         // exchanges granted and not given back unused
  std::uint64_t rank = 0;                         // order of last use: larger is newer
  Instant age_ends_at = kNever;
  Instant last_used_at;  // end of its last exchange, or when it opened
  std::optional<Duration> idle_hint;
  Instant armed_at = kNever;  // its entry in the deadline index; may be too early, never too late
  Instant opened_at;
  std::uint64_t serial = 0;  // names it in the age jitter
};

class ConnectionTable {
 public:
  // A new entry in state connecting.
  ConnEntry& AddDial();
  // The entry, or nullptr when `id` is stale.
  ConnEntry* Find(ConnId id) {
    if (id.slot >= slab_.slot_count()) return nullptr;
    ConnEntry& c = slab_[id.slot];
    return c.id.generation == id.generation && c.state != ConnState::kFree ? &c : nullptr;
  }
  ConnEntry& at(std::uint32_t slot) { return slab_[slot]; }
  void Open(ConnEntry& c);
  // What its peer allows; `most` is our own limit. Of an open or draining entry.
  void SetCapacity(ConnEntry& c, std::uint32_t peer_capacity, std::uint32_t most);
  // Nobody may count on this dial; `why` is what its connection will be closed for.
  void Disown(ConnEntry& c, CloseReason why);
  void StartDraining(ConnEntry& c, CloseReason why);
  // Forgets it; exchanges on it end here.
  void Remove(ConnEntry& c);

  void AddUse(ConnEntry& c) {
    ++c.uses;
    ++c.in_use;
    ++streams_;
  }
  void EndUse(ConnEntry& c) {
    --c.in_use;
    --streams_;
    if (c.state == ConnState::kDraining) --draining_streams_;
  }
  // Marks it the most recently used.
  void Touch(ConnEntry& c, Instant now) {
    c.last_used_at = now;
    c.rank = ++rank_;
  }
  // Puts it where it belongs now.
  void Shelve(ConnEntry& c, std::uint64_t max_uses) { MoveTo(c, ShelfOf(c, max_uses)); }

  static bool HasRoom(const ConnEntry& c, std::uint64_t max_uses) {
    return c.state == ConnState::kOpen && c.in_use < c.capacity &&
           (max_uses == 0 || c.uses < max_uses);
  }
  static bool IsIdle(const ConnEntry& c) { return c.state == ConnState::kOpen && c.in_use == 0; }
  static Shelf ShelfOf(const ConnEntry& c, std::uint64_t max_uses);

  // Busy entries with room for another exchange, in order of load. Null when there are not so many.
  ConnEntry* LeastLoaded() { return shared_.empty() ? nullptr : &slab_[shared_.First().slot]; }
  const ConnEntry* LeastLoaded() const {
    return shared_.empty() ? nullptr : &slab_[shared_.First().slot];
  }
  ConnEntry* SecondLeastLoaded() {
    return shared_.size() < 2 ? nullptr : &slab_[shared_.Second().slot];
  }
  std::uint32_t shared_count() const { return static_cast<std::uint32_t>(shared_.size()); }

  // The entry at the front (newest) or back (oldest) of an idle shelf; nullptr when it is empty.
  ConnEntry* Newest(Shelf shelf) { return EntryOrNull(list(shelf).front()); }
  ConnEntry* Oldest(Shelf shelf) { return EntryOrNull(list(shelf).back()); }
  // Most recently used idle entry that has room.
  ConnEntry* NewestIdle() {
    return const_cast<ConnEntry*>(static_cast<const ConnectionTable*>(this)->NewestIdle());
  }
  const ConnEntry* NewestIdle() const;
  // Least recently used idle entry.
  const ConnEntry* OldestIdle() const;
  ConnEntry* OldestIdle() {
    return const_cast<ConnEntry*>(static_cast<const ConnectionTable*>(this)->OldestIdle());
  }

  // Least recently used idle entry of those that carry one exchange at a time. O(idle).
  ConnEntry* OldestSingleIdle();

  std::uint32_t idle_count() const {
    return list(Shelf::kUsed).size() + list(Shelf::kUnused).size() + list(Shelf::kBarred).size();
  }
  // Those of them that are HTTP/2, and those whose peer allows no exchange at the moment.
  std::uint32_t multiplexed_idle_count() const { return multiplexed_idle_; }
  std::uint32_t barred_count() const { return list(Shelf::kBarred).size(); }
  std::uint32_t dial_count() const { return dials_; }
  // Dials whose connection waiters may count on.
  std::uint32_t expected_dials() const { return expected_dials_; }
  std::uint32_t open_count() const { return open_; }
  std::uint32_t draining_count() const { return draining_; }
  std::uint32_t total() const { return dials_ + open_ + draining_; }
  std::uint32_t multiplexed_open_count() const { return multiplexed_open_; }
  std::uint32_t streams() const { return streams_; }
  std::uint32_t open_streams() const { return streams_ - draining_streams_; }
  // Sum of what the open ones may carry.
  std::uint64_t open_capacity() const { return open_capacity_; }

  // Calls visit(ConnEntry&) for every entry; it may remove the entry that it is given.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (std::uint32_t slot = 0; slot < slab_.slot_count(); ++slot) {
      if (slab_[slot].state != ConnState::kFree) visit(slab_[slot]);
    }
  }
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (std::uint32_t slot = 0; slot < slab_.slot_count(); ++slot) {
      if (slab_[slot].state != ConnState::kFree) visit(slab_[slot]);
    }
  }

  // Aborts when shelves, order or counts are wrong. O(entries).
  void CheckInvariants(std::uint64_t max_uses) const;

 private:
  SlotList<ConnEntry>& list(Shelf shelf) { return lists_[static_cast<std::size_t>(shelf)]; }
  const SlotList<ConnEntry>& list(Shelf shelf) const {
    return lists_[static_cast<std::size_t>(shelf)];
  }
  ConnEntry* EntryOrNull(std::uint32_t slot) { return slot == kNoSlot ? nullptr : &slab_[slot]; }
  void EndDial(ConnEntry& c) {
    --dials_;
    if (c.expected) --expected_dials_;
    c.expected = false;
  }
  void CheckCounts(std::uint64_t max_uses) const;
  void EndOpen(ConnEntry& c);
  void MoveTo(ConnEntry& c, Shelf shelf);
  // Steps over as many entries as were used after `c`: none, unless its grant went unused.
  void InsertByRank(ConnEntry& c, Shelf shelf);

  // Least loaded first; among equals the most recently used.
  using Load = std::pair<std::uint32_t, std::uint64_t>;
  static Load LoadOf(const ConnEntry& c) { return {c.in_use, ~c.rank}; }

  Slab<ConnEntry> slab_;
  std::array<SlotList<ConnEntry>, kIdleShelves> lists_;
  IndexedHeap<Load> shared_;
  std::uint64_t serials_ = 0;
  std::uint64_t rank_ = 0;
  std::uint32_t dials_ = 0;
  std::uint32_t expected_dials_ = 0;
  std::uint32_t open_ = 0;
  std::uint32_t draining_ = 0;
  std::uint32_t multiplexed_open_ = 0;
  std::uint32_t multiplexed_idle_ = 0;
  std::uint32_t streams_ = 0;
  std::uint32_t draining_streams_ = 0;
  std::uint64_t open_capacity_ = 0;
};

}  // namespace spillway
