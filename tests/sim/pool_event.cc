#include "tests/sim/pool_event.h"

#include <array>
#include <variant>

namespace spillway {
namespace {

std::string Text(ConnId conn) {
  return std::to_string(conn.slot) + "." + std::to_string(conn.generation);
}

std::string Millis(Duration d) {
  if (d == kForever) return "forever";
  return std::to_string(static_cast<double>(d.count()) / 1e6) + "ms";
}

std::string Text(const DialAction& dial) { return "dial " + Text(dial.conn); }
std::string Text(const GrantAction& grant) {
  return "grant w" + std::to_string(grant.waiter) + " " + Text(grant.conn) +
         (grant.reused ? " reused" : " new");
}
std::string Text(const FailAction& fail) {
  return "fail w" + std::to_string(fail.waiter) + " " + std::string(Label(fail.why->reason));
}
std::string Text(const CloseAction& close) {
  return "close " + Text(close.conn) + " " + std::string(Label(close.why));
}

std::string Text(const PoolLimits& limits) {
  return " connections " + std::to_string(limits.max_connections) + " idle " +
         std::to_string(limits.max_idle) + " waiters " + std::to_string(limits.max_waiters) +
         " dials " + std::to_string(limits.max_dials) + " uses " + std::to_string(limits.max_uses) +
         " streams " + std::to_string(limits.max_streams) + " target " +
         std::to_string(limits.target_streams) + " queue " + Millis(limits.queue_timeout) +
         " idle " + Millis(limits.idle_timeout) + " margin " + Millis(limits.keep_alive_margin) +
         " age " + Millis(limits.max_age) + " jitter " + std::to_string(limits.max_age_jitter) +
         " backoff " + Millis(limits.backoff_initial) + ".." + Millis(limits.backoff_max);
}

}  // namespace

std::uint32_t Run(HostPool& pool, const PoolEvent& e, Actions& actions) {
  switch (e.kind) {
    case PoolEventKind::kAcquire:
      pool.Acquire(e.demand, e.now, actions);
      return 0;
    case PoolEventKind::kCancel:
      return pool.Cancel(e.demand.waiter, e.now, actions) ? 1 : 0;
    case PoolEventKind::kConnected:
      pool.OnConnected(e.conn, e.capacity, e.now, actions);
      return 0;
    case PoolEventKind::kDialFailed:
      pool.OnDialFailed(e.conn, e.why, e.now, actions);
      return 0;
    case PoolEventKind::kDialDenied:
      pool.OnDialDenied(e.conn, e.now, actions);
      return 0;
    case PoolEventKind::kDialAllowed:
      pool.OnDialAllowed(e.now, actions);
      return 0;
    case PoolEventKind::kCapacity:
      pool.OnCapacity(e.conn, e.capacity, e.now, actions);
      return 0;
    case PoolEventKind::kGoAway:
      pool.OnGoAway(e.conn, e.now, actions);
      return 0;
    case PoolEventKind::kClosed:
      pool.OnClosed(e.conn, e.now, actions);
      return 0;
    case PoolEventKind::kRelease:
      pool.Release(e.conn, e.verdict, e.now, actions);
      return 0;
    case PoolEventKind::kReleaseUnused:
      pool.ReleaseUnused(e.conn, e.now, actions);
      return 0;
    case PoolEventKind::kTick:
      pool.Tick(e.now, actions);
      return 0;
    case PoolEventKind::kFlush:
      pool.Flush(e.reason, e.now, actions);
      return 0;
    case PoolEventKind::kCloseIdle:
      return pool.CloseIdle(e.now, actions);
    case PoolEventKind::kDrain:
      pool.Drain(e.now, actions);
      return 0;
    case PoolEventKind::kEvict:
      return pool.EvictOldestIdle(e.now, actions) ? 1 : 0;
    case PoolEventKind::kSetLimits:
      pool.SetLimits(e.limits, e.now, actions);
      return 0;
    case PoolEventKind::kRetire:
      return pool.RetireConnection(e.conn, e.reason, e.now, actions) ? 1 : 0;
  }
  return 0;
}

const char* Name(PoolEventKind kind) {
  static constexpr std::array<const char*, kPoolEventKinds> kNames = {
      "acquire",  "cancel",     "connected", "dial_failed", "dial_denied",    "dial_allowed",
      "capacity", "goaway",     "closed",    "release",     "release_unused", "tick",
      "flush",    "close_idle", "drain",     "evict",       "set_limits",     "retire"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string Text(const PoolEvent& e) {
  std::string text = Millis(e.now.time_since_epoch()) + " " + Name(e.kind);
  if (e.conn.generation != 0) text += " " + Text(e.conn);
  if (e.demand.waiter != 0) text += " w" + std::to_string(e.demand.waiter);
  if (e.demand.fresh_connection) text += " fresh";
  if (e.demand.waiter != 0 && e.demand.deadline != kNever) {
    text += " until " + Millis(e.demand.deadline.time_since_epoch());
  }
  if (e.capacity != 0) text += " capacity " + std::to_string(e.capacity);
  if (e.kind == PoolEventKind::kRelease) {
    text += e.verdict.reusable ? " reusable" : " " + std::string(Label(e.verdict.why_not));
    if (e.verdict.idle_hint) text += " hint " + Millis(*e.verdict.idle_hint);
  }
  if (e.kind == PoolEventKind::kSetLimits) text += Text(e.limits);
  if (e.kind == PoolEventKind::kFlush || e.kind == PoolEventKind::kRetire) {
    text += " " + std::string(Label(e.reason));
  }
  return text;
}

std::string Text(const Action& action) {
  return std::visit([](const auto& each) { return Text(each); }, action);
}

}  // namespace spillway
