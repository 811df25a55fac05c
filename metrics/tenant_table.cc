#include "metrics/tenant_table.h"

namespace spillway {

void TenantTable::Count(std::string_view tenant) { counts_.Add(CellOf(tenant)); }

std::size_t TenantTable::CellOf(std::string_view tenant) {
  if (tenant.empty()) return kNobody;
  const std::size_t hash = std::hash<std::string_view>()(tenant);
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const Entry* entry = buckets_[(hash + i) % kBuckets].load(std::memory_order_acquire);
    if (entry == nullptr) break;
    if (entry->name == tenant) return entry->cell;
  }
  if (used_.load(std::memory_order_acquire) == kMaxTenants) return kOther;
  return AddCell(tenant, hash);
}

std::size_t TenantTable::AddCell(std::string_view tenant, std::size_t hash) {
  const MutexLock lock(mu_);
  std::size_t bucket = hash % kBuckets;
  while (const Entry* entry = buckets_[bucket].load(std::memory_order_acquire)) {
    if (entry->name == tenant) return entry->cell;
    bucket = (bucket + 1) % kBuckets;
  }
  const std::size_t cell = used_.load(std::memory_order_relaxed);
  if (cell == kMaxTenants) return kOther;
  entries_[cell] = {std::string(tenant), cell};
  buckets_[bucket].store(&entries_[cell], std::memory_order_release);
  used_.store(cell + 1, std::memory_order_release);
  return cell;
}

void TenantTable::Read(
    const std::function<void(std::string_view tenant, std::uint64_t count)>& each) const {
  const std::size_t used = used_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < used; ++i) each(entries_[i].name, counts_.Sum(i));
  for (const std::size_t cell : {kNobody, kOther}) {
    const std::uint64_t count = counts_.Sum(cell);
    if (count > 0) each(cell == kOther ? kOtherDestination : "", count);
  }
}

}  // namespace spillway
