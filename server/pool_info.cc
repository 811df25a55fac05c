#include "server/pool_info.h"

namespace spillway {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

void SetTotals(const HostPoolSnapshot& state, v1::PoolTotals& out) {
  out.set_grants_idle(state.grants_idle);
  out.set_grants_new(state.grants_new);
  out.set_grants_coalesced(state.grants_coalesced);
  out.set_grants_stream(state.grants_stream);
  out.set_dials(state.dials);
  out.set_dial_failures(state.dial_failures);
  out.set_dials_unused(state.dials_unused);
  out.set_waiter_seconds(state.waiter_seconds);
}

// Share of grants that needed no connection of their own.
double ReuseRatio(const HostPoolSnapshot& state) {
  const std::uint64_t all =
      state.grants_idle + state.grants_new + state.grants_coalesced + state.grants_stream;
  if (all == 0) return 0;
  return static_cast<double>(all - state.grants_new) / static_cast<double>(all);
}

}  // namespace

void SetDuration(Duration length, google::protobuf::Duration& out) {
  out.set_seconds(length.count() / kNanosPerSecond);
  out.set_nanos(static_cast<std::int32_t>(length.count() % kNanosPerSecond));
}

void SetPoolLimits(const PoolLimits& limits, v1::PoolLimits& out) {
  out.set_max_connections(limits.max_connections);
  out.set_max_idle(limits.max_idle);
  out.set_max_waiters(limits.max_waiters);
  out.set_max_dials(limits.max_dials);
  out.set_max_uses(limits.max_uses);
  if (limits.queue_timeout != kForever) {
    SetDuration(limits.queue_timeout, *out.mutable_queue_timeout());
  }
  if (limits.idle_timeout != kForever) {
    SetDuration(limits.idle_timeout, *out.mutable_idle_timeout());
  }
  if (limits.max_age != kForever) SetDuration(limits.max_age, *out.mutable_max_age());
}

v1::PoolInfo ToPoolInfo(const PoolSnapshot& snapshot, Instant now) {
  const HostPoolSnapshot& state = snapshot.state;
  v1::PoolInfo info;
  info.set_key(snapshot.key.Text());
  info.set_destination(snapshot.destination);
  info.set_scheme(snapshot.key.scheme);
  info.set_host(snapshot.key.host);
  info.set_port(snapshot.key.port);
  info.set_idle(state.idle);
  info.set_active(state.active);
  info.set_connecting(state.connecting);
  info.set_draining(state.draining);
  info.set_waiting(state.waiting);
  info.set_streams(state.streams);
  info.set_backing_off(state.backing_off);
  info.set_stalled(state.stalled);
  info.set_reuse_ratio(ReuseRatio(state));
  SetPoolLimits(snapshot.limits, *info.mutable_limits());
  SetTotals(state, *info.mutable_totals());
  if (state.oldest_idle_since != kNever) {
    SetDuration(now - state.oldest_idle_since, *info.mutable_oldest_idle_age());
  }
  if (state.oldest_waiter_since != kNever) {
    SetDuration(now - state.oldest_waiter_since, *info.mutable_oldest_wait());
  }
  if (snapshot.oldest_connection_age > Duration::zero()) {
    SetDuration(snapshot.oldest_connection_age, *info.mutable_oldest_connection_age());
  }
  if (state.learned_idle_timeout > Duration::zero()) {
    SetDuration(state.learned_idle_timeout, *info.mutable_learned_idle_timeout());
  }
  return info;
}

}  // namespace spillway
