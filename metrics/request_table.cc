#include "metrics/request_table.h"

#include <memory>

namespace spillway {
namespace {

// Layout of a packed key; each field is wide enough for its closed list.
constexpr std::uint32_t kVersionBits = 2;
constexpr std::uint32_t kMethodBits = 4;
constexpr std::uint32_t kErrorBits = 8;
constexpr std::uint32_t kStatusBits = 10;
static_assert(kProtocolVersions.size() <= 1u << kVersionBits);
static_assert(kMethods.size() <= 1u << kMethodBits);
static_assert(static_cast<std::uint32_t>(Reason::kReasonCount) <= 1u << kErrorBits);
static_assert(kVersionBits + kMethodBits + kErrorBits + kStatusBits <= 32);

constexpr std::uint32_t Mask(std::uint32_t bits) { return (1u << bits) - 1; }

}  // namespace

RequestLabels RequestLabels::Of(std::string_view method, std::uint32_t status, Reason error,
                                std::string_view protocol) {
  const bool known = status == 0 || (status >= 100 && status <= 599);
  return {MethodIndex(method), known ? status : kOtherStatus, error, ProtocolIndex(protocol)};
}

std::uint32_t RequestLabels::Pack() const {
  std::uint32_t packed = status;
  packed = packed << kErrorBits | static_cast<std::uint32_t>(error);
  packed = packed << kMethodBits | static_cast<std::uint32_t>(method);
  return packed << kVersionBits | static_cast<std::uint32_t>(version);
}

RequestLabels RequestLabels::Unpack(std::uint32_t packed) {
  RequestLabels labels;
  labels.version = packed & Mask(kVersionBits);
  packed >>= kVersionBits;
  labels.method = packed & Mask(kMethodBits);
  packed >>= kMethodBits;
  labels.error = static_cast<Reason>(packed & Mask(kErrorBits));
  labels.status = packed >> kErrorBits;
  return labels;
}

RequestTable::~RequestTable() {
  std::size_t count = 0;
  for (auto& slot : slots_) {
    const Entry* entry = slot.load(std::memory_order_acquire);
    if (entry == nullptr) continue;
    ++count;
    delete entry;
  }
  budget_.Return(count);
}

RequestHistogram* RequestTable::Find(const RequestLabels& labels) {
  const std::uint32_t key = labels.Pack();
  std::unique_ptr<Entry> fresh;
  const std::size_t home = key * 2654435769u >> 16;  // Knuth's multiplicative hash
  for (std::size_t step = 0; step < kSlots; ++step) {
    std::atomic<Entry*>& slot = slots_[(home + step) % kSlots];
    Entry* entry = slot.load(std::memory_order_acquire);
    if (entry == nullptr) {
      if (fresh == nullptr) {
        if (!Reserve()) return nullptr;
        fresh = std::make_unique<Entry>();
        fresh->key = key;
      }
      if (slot.compare_exchange_strong(entry, fresh.get(), std::memory_order_acq_rel)) {
        return &fresh.release()->histogram;
      }
    }
    if (entry->key == key) {
      if (fresh != nullptr) {  // another thread added the same combination
        count_.fetch_sub(1, std::memory_order_relaxed);
        budget_.Return(1);
      }
      return &entry->histogram;
    }
  }
  return nullptr;
}

bool RequestTable::Reserve() {
  if (count_.fetch_add(1, std::memory_order_relaxed) < kMaxEntries && budget_.Take()) return true;
  count_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

std::vector<const RequestTable::Entry*> RequestTable::Entries() const {
  std::vector<const Entry*> entries;
  for (const auto& slot : slots_) {
    const Entry* entry = slot.load(std::memory_order_acquire);
    if (entry != nullptr) entries.push_back(entry);
  }
  return entries;
}

}  // namespace spillway
