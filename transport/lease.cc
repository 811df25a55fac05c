#include "transport/lease.h"

#include "transport/pool.h"

namespace spillway {

Lease::Lease(Pool* pool, std::shared_ptr<PoolEntry> entry, ConnId id,
             std::shared_ptr<Connection> connection, std::shared_ptr<const ConnectionInfo> info)
    : pool_(pool),
      entry_(std::move(entry)),
      id_(id),
      connection_(std::move(connection)),
      info_(std::move(info)) {}

Lease::Lease(Lease&& other) noexcept
    : reused(other.reused),
      idle_time(other.idle_time),
      source(other.source),
      pool_(std::exchange(other.pool_, nullptr)),
      entry_(std::move(other.entry_)),
      id_(other.id_),
      connection_(std::move(other.connection_)),
      info_(std::move(other.info_)) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  ReleaseUnused();
  reused = other.reused;
  idle_time = other.idle_time;
  source = other.source;
  pool_ = std::exchange(other.pool_, nullptr);
  entry_ = std::move(other.entry_);
  id_ = other.id_;
  connection_ = std::move(other.connection_);
  info_ = std::move(other.info_);
  return *this;
}

Lease::~Lease() { ReleaseUnused(); }

void Lease::Release(const ReleaseVerdict& verdict) {
  if (Pool* pool = std::exchange(pool_, nullptr)) pool->ReleaseLease(entry_, id_, verdict);
}

void Lease::ReleaseUnused() {
  if (Pool* pool = std::exchange(pool_, nullptr)) pool->ReleaseLeaseUnused(entry_, id_);
}

}  // namespace spillway
