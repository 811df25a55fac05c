// The right to one exchange on a connection, given back exactly once.
//
// Thread safety: one owner at a time; may move between threads.
// Invariants: a Lease that is dropped without a word counts as unused only if nothing was sent;
// users call Release or ReleaseUnused, the destructor does ReleaseUnused for the forgotten ones.

#pragma once

#include <memory>
#include <utility>

#include "transport/base/instant.h"
#include "transport/pool/host_pool.h"
#include "transport/records.h"

namespace spillway {

class Connection;
class Pool;
struct PoolEntry;

class Lease {
 public:
  Lease() = default;
  Lease(Pool* pool, std::shared_ptr<PoolEntry> entry, ConnId id,
        std::shared_ptr<Connection> connection, std::shared_ptr<const ConnectionInfo> info);
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();

  void Release(const ReleaseVerdict& verdict);
  // Nothing was sent: the connection is as it was.
  void ReleaseUnused();

  explicit operator bool() const { return pool_ != nullptr; }
  const std::shared_ptr<Connection>& connection() const { return connection_; }
  const std::shared_ptr<const ConnectionInfo>& info() const { return info_; }

  bool reused = false;
  Duration idle_time{};
  AcquireSource source = AcquireSource::kIdle;

 private:
  Pool* pool_ = nullptr;
  std::shared_ptr<PoolEntry> entry_;
  ConnId id_;
  std::shared_ptr<Connection> connection_;
  std::shared_ptr<const ConnectionInfo> info_;
};

}  // namespace spillway
