// What becomes of a dial: a connection in its slot, watched until it closes.

#include <optional>
#include <utility>

#include "transport/connection/connector.h"
#include "transport/io/clock.h"
#include "transport/pool.h"
#include "transport/pool_effects.h"

namespace spillway {
namespace {

std::string EndpointText(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

DialRecord RecordOf(const DialOutcome& outcome) {
  DialRecord record;
  record.error = outcome.failure != nullptr ? outcome.failure->reason : Reason::kNone;
  record.dns = outcome.dns;
  record.tcp = outcome.connect;
  record.resolved = outcome.resolved;
  record.connected = outcome.connected;
  record.proxying = outcome.proxying;
  record.securing = outcome.securing;
  record.proxied = outcome.proxied;
  record.proxy_tls = outcome.proxy_tls;
  record.tls = outcome.tls;
  return record;
}

std::shared_ptr<ConnectionInfo> InfoOf(const DialOutcome& outcome, std::uint64_t id) {
  auto info = std::make_shared<ConnectionInfo>();
  info->id = id;
  boost::system::error_code ignored;
  info->local_address = EndpointText(outcome.socket->local_endpoint(ignored));
  info->remote_address = EndpointText(outcome.socket->remote_endpoint(ignored));
  info->protocol = outcome.spoken == Spoken::kHttp2 ? "HTTP/2" : "HTTP/1.1";
  if (outcome.proxy != nullptr) info->proxy = outcome.proxy->Text();
  info->alpn = outcome.alpn;
  info->tls = outcome.tls;
  info->dns = outcome.dns;
  info->connect = outcome.connect;
  info->proxying = outcome.proxying;
  info->securing = outcome.securing;
  info->opened = Now();
  info->dial = outcome.steps;
  return info;
}

// A connection's name in an AddressWatch.
std::uint64_t NumberOf(ConnId conn) { return std::uint64_t{conn.generation} << 32 | conn.slot; }
ConnId ConnOf(std::uint64_t number) {
  return {static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(number >> 32)};
}

}  // namespace

void Pool::OnDialDone(const std::shared_ptr<PoolEntry>& entry, ConnId conn, EventLoop& loop,
                      DialOutcome outcome) {
  entry->observer->OnDial(RecordOf(outcome));
  const std::shared_ptr<const Failure> failure = outcome.failure;
  std::shared_ptr<Connection> connection;
  std::shared_ptr<ConnectionInfo> info;
  std::optional<DialledName> dialled;
  if (outcome.socket.has_value()) {
    info = InfoOf(outcome, next_connection_id_.fetch_add(1, std::memory_order_relaxed));
    Http2Limits http2;
    std::uint32_t max_streams = 1;
    {
      MutexLock lock(entry->shard.mu);
      http2 = entry->http2;
      max_streams = entry->machine.limits().max_streams;
    }
    dialled = std::move(outcome.dialled);
    if (outcome.proxy != nullptr) dialled.reset();  // a proxy's address says nothing of the origin
    connection = MakeConnection(loop, std::move(outcome), http2, max_streams);
  }
  {
    MutexLock lock(entry->shard.mu);
    PoolEntry::Slot& slot = entry->slots[conn.slot];
    // Whoever takes the dial out of its slot answers for its place in the budget.
    if (slot.generation != conn.generation || slot.dial == nullptr) return;
    slot.dial = nullptr;
    slot.connection = connection;
    slot.info = info;
  }
  if (connection == nullptr) {
    ReturnPlace();
    return Apply(entry, [&](HostPool& machine, Instant now, Actions& actions) {
      machine.OnDialFailed(conn, failure, now, actions);
    });
  }
  ConnectionEvents events;
  events.closed = [this, entry, conn, info](const ConnectionEnd& end) {
    OnConnectionClosed(entry, conn, *info, end);
  };
  events.capacity = [this, entry, conn](std::uint32_t capacity) {
    Apply(entry, [&](HostPool& machine, Instant now, Actions& actions) {
      machine.OnCapacity(conn, capacity, now, actions);
    });
  };
  events.going_away = [this, entry, conn] {
    Apply(entry, [&](HostPool& machine, Instant now, Actions& actions) {
      machine.OnGoAway(conn, now, actions);
    });
  };
  if (dialled.has_value()) WatchAddress(entry, conn, *dialled);
  connection->Open(std::move(events));
  Apply(entry, [&](HostPool& machine, Instant now, Actions& actions) {
    machine.OnConnected(conn, connection->initial_capacity(), now, actions);
  });
  if (budget_.has_stalled()) GiveUpAnIdleConnection();
}

void Pool::OnConnectionClosed(const std::shared_ptr<PoolEntry>& entry, ConnId conn,
                              const ConnectionInfo& info, const ConnectionEnd& end) {
  Apply(entry, [&](HostPool& machine, Instant now, Actions& actions) {
    PoolEntry::Slot& slot = entry->slots[conn.slot];
    if (slot.generation == conn.generation) slot = PoolEntry::Slot{};
    entry->addresses.OnClosed(NumberOf(conn));
    machine.OnClosed(conn, now, actions);
  });
  entry->observer->OnConnectionClosed({end.reason, end.uses, Now() - info.opened, info.protocol});
  if (end.uses == 0) entry->observer->OnDialUnused();
  ReturnPlace();
}

// --- Addresses ---

void Pool::WatchAddress(const std::shared_ptr<PoolEntry>& entry, ConnId conn,
                        const DialledName& name) {
  {
    MutexLock lock(entry->shard.mu);
    entry->addresses.OnOpened(NumberOf(conn), name.address, Now());
    if (std::exchange(entry->watched, true)) return;
  }
  const bool watched = services_.resolver.Watch(
      name.name, name.family,
      [this, weak = std::weak_ptr<PoolEntry>(entry)](const DnsAnswer& answer) {
        const std::shared_ptr<PoolEntry> used = weak.lock();
        return used != nullptr && OnAddresses(used, answer);
      });
  if (watched) return;
  MutexLock lock(entry->shard.mu);
  entry->watched = false;
}

// False when nobody needs to know any more.
bool Pool::OnAddresses(const std::shared_ptr<PoolEntry>& entry, const DnsAnswer& answer) {
  bool watched = true;
  Apply(entry, [&](HostPool& machine, Instant now, Actions& actions) {
    // A lookup that failed says nothing about addresses.
    if (!answer.failure.has_value()) {
      for (const std::uint64_t gone : entry->addresses.OnAddresses(answer.addresses, now)) {
        machine.RetireConnection(ConnOf(gone), CloseReason::kAddressGone, now, actions);
      }
    }
    watched = entry->watched = !entry->addresses.empty();
  });
  return watched;
}

}  // namespace spillway
