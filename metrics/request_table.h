// Round-trip durations of one destination, by (method, status, error, protocol version).
//
// What it is: a small open-addressing table from a packed key to a histogram. A combination gets
// its histogram when it is first seen; from then on it is found with a few atomic loads.
// What it owns: its histograms, until it dies; and its share of a LabelSetBudget.
// Thread safety: every function may be called from any thread; none blocks.
// Invariants: at most kMaxEntries combinations here, at most the budget's limit over all tables
// that share it; an entry never moves or disappears while the table lives.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "metrics/names.h"
#include "metrics/striped_histogram.h"
#include "transport/base/failure.h"

namespace spillway {

using RequestHistogram = StripedHistogram<kRequestBounds>;

// What a round trip counts under.
struct RequestLabels {
  std::size_t method = kMethods.size() - 1;  // index into kMethods
  std::uint32_t status = 0;                  // 0: none; kOtherStatus: outside 100 to 599
  Reason error = Reason::kNone;
  std::size_t version = 0;  // index into kProtocolVersions

  static constexpr std::uint32_t kOtherStatus = 1;
  static RequestLabels Of(std::string_view method, std::uint32_t status, Reason error,
                          std::string_view protocol);
  std::uint32_t Pack() const;
  static RequestLabels Unpack(std::uint32_t packed);
};

// How many label sets tables may still add between them.
class LabelSetBudget {
 public:
  explicit LabelSetBudget(std::size_t limit) : left_(static_cast<std::int64_t>(limit)) {}
  bool Take() {
    if (left_.fetch_sub(1, std::memory_order_relaxed) > 0) return true;
    left_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  void Return(std::size_t count) {
    left_.fetch_add(static_cast<std::int64_t>(count), std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> left_;
};

class RequestTable {
 public:
  static constexpr std::size_t kMaxEntries = 128;
  struct Entry {
    std::uint32_t key = 0;
    RequestHistogram histogram;
  };

  // `budget` outlives the table.
  explicit RequestTable(LabelSetBudget& budget) : budget_(budget) {}
  ~RequestTable();
  RequestTable(const RequestTable&) = delete;
  RequestTable& operator=(const RequestTable&) = delete;

  // The histogram of `labels`, made when it is new; null when the table or the budget is full.
  RequestHistogram* Find(const RequestLabels& labels);
  // What is in it now, in no order.
  std::vector<const Entry*> Entries() const;

 private:
  static constexpr std::size_t kSlots = 2 * kMaxEntries;

  bool Reserve();

  LabelSetBudget& budget_;
  std::atomic<std::size_t> count_{0};
  std::array<std::atomic<Entry*>, kSlots> slots_{};
};

}  // namespace spillway
