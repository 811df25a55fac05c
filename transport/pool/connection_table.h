// The books about every connection and dial of one pool key.
//
// What it is: storage with stale-proof handles, one shelf a kind of connection, and counts. It
// decides nothing.
// What it owns: the entries; not the sockets, which the shell keeps under the same ConnId.
// Thread safety: none; HostPool's callers serialize.
// Invariants: a handle reaches an entry only while its generation lives (case O-121). An entry is
// on exactly the shelf that ShelfOf() says, once its owner has called Shelve() after a change. The
// idle shelves are ordered by last use, newest in front. Counts equal what a walk would count.

#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "transport/base/instant.h"
#include "transport/pool/action.h"
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
inline constexpr std::size_t kShelves = 4;

struct ConnEntry {
  SlotLink link;
  ConnId id;
  std::uint32_t capacity = 0;
  std::uint32_t in_use = 0;
  std::uint32_t epoch = 0;  // Flush count when its dial began
  ConnState state = ConnState::kFree;
  Shelf shelf = Shelf::kNone;
  CloseReason retired_for = CloseReason::kError;  // while draining
  std::uint64_t uses = 0;                         // exchanges granted and not given back unused
  std::uint64_t serial = 0;                       // names it in the age jitter
  std::uint64_t rank = 0;                         // order of last use: larger is newer
  Instant opened_at;
  Instant age_ends_at = kNever;
  Instant last_used_at;  // end of its last exchange, or when it opened
  std::optional<Duration> idle_hint;
  Instant armed_at = kNever;  // its entry in the deadline index; may be too early, never too late
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
  void Open(ConnEntry& c, std::uint32_t capacity);
  void SetCapacity(ConnEntry& c, std::uint32_t capacity);
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

  // The entry at the front (newest) or back (oldest) of a shelf; nullptr when it is empty.
  ConnEntry* Newest(Shelf shelf) { return EntryOrNull(list(shelf).front()); }
  ConnEntry* Oldest(Shelf shelf) { return EntryOrNull(list(shelf).back()); }
  // Most recently used idle entry that has room.
  ConnEntry* NewestIdle();
  // Least recently used idle entry.
  const ConnEntry* OldestIdle() const;
  ConnEntry* OldestIdle() {
    return const_cast<ConnEntry*>(static_cast<const ConnectionTable*>(this)->OldestIdle());
  }

  // What was dialled before now is of an older epoch; such dials are no longer expected.
  void AdvanceEpoch() {
    ++epoch_;
    expected_dials_ = 0;
  }
  bool IsOfThisEpoch(const ConnEntry& c) const { return c.epoch == epoch_; }

  std::uint32_t idle_count() const {
    return list(Shelf::kUsed).size() + list(Shelf::kUnused).size() + list(Shelf::kBarred).size();
  }
  std::uint32_t dial_count() const { return dials_; }
  // Dials whose connection waiters may count on.
  std::uint32_t expected_dials() const { return expected_dials_; }
  std::uint32_t open_count() const { return open_; }
  std::uint32_t draining_count() const { return draining_; }
  std::uint32_t total() const { return dials_ + open_ + draining_; }
  std::uint32_t streams() const { return streams_; }
  // Exchanges that the open connections may carry at once.
  std::uint64_t capacity() const { return capacity_; }

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
    if (IsOfThisEpoch(c)) --expected_dials_;
  }
  void MoveTo(ConnEntry& c, Shelf shelf);
  // Steps over as many entries as were used after `c`: none, unless its grant went unused.
  void InsertByRank(ConnEntry& c, Shelf shelf);

  Slab<ConnEntry> slab_;
  std::array<SlotList<ConnEntry>, kShelves> lists_;
  std::uint64_t serials_ = 0;
  std::uint64_t rank_ = 0;
  std::uint32_t epoch_ = 0;
  std::uint32_t dials_ = 0;
  std::uint32_t expected_dials_ = 0;
  std::uint32_t open_ = 0;
  std::uint32_t draining_ = 0;
  std::uint32_t streams_ = 0;
  std::uint64_t capacity_ = 0;
};

}  // namespace spillway
