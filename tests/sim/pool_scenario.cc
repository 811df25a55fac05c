#include "tests/sim/pool_scenario.h"

namespace spillway {
namespace {

// A fault that a seed leaves out, shows now and then, or overdoes.
unsigned Rate(Random& random, unsigned now_and_then, unsigned overdone) {
  return random.Pick({0U, 0U, 0U, now_and_then, now_and_then, overdone});
}

}  // namespace

PoolLimits DrawPoolLimits(Random& random, bool age_jitter) {
  PoolLimits limits;
  limits.max_connections = random.Pick({1U, 2U, 3U, 8U, 8U, 32U});
  limits.max_idle = random.Pick({0U, 1U, 2U, 4U, 1000U, 1000U, 1000U, 1000U});
  limits.max_waiters = random.Pick({1U, 4U, 16U, 64U, 64U, 64U, 64U});
  limits.max_dials = random.Pick({1U, 2U, 4U, 64U, 64U});
  limits.queue_timeout =
      random.Pick({kForever, kForever, kForever, kForever, Duration(milliseconds(40)),
                   Duration(milliseconds(40)), Duration(milliseconds(200)),
                   Duration(milliseconds(200)), Duration::zero()});
  limits.idle_timeout = random.Pick({milliseconds(20), milliseconds(100), milliseconds(1000)});
  limits.keep_alive_margin = random.Pick({milliseconds(0), milliseconds(10)});
  limits.max_age = random.Pick({kForever, Duration(milliseconds(60)), Duration(milliseconds(400))});
  limits.max_age_jitter = age_jitter ? random.Pick({0.1, 0.5, 1.0}) : 0;
  limits.max_uses = random.Pick({0U, 0U, 0U, 0U, 1U, 2U, 5U});
  limits.max_streams = random.Pick({0U, 1U, 2U, 4U, 100U, 100U, 100U});
  limits.target_streams = random.Pick({0U, 1U, 2U, 3U, 50U});
  limits.backoff_initial = random.Pick({milliseconds(0), milliseconds(5), milliseconds(50)});
  limits.backoff_max = random.Pick({milliseconds(5), milliseconds(200)});
  return limits;
}

PoolScenario DrawPoolScenario(Random& random) {
  PoolScenario s;
  s.many_streams = random.Percent(40);
  s.changes_limits = random.Percent(30);
  // The model foretells ages only where none of these three meet.
  const bool age_jitter = !s.many_streams && !s.changes_limits && random.Percent(50);
  s.limits = DrawPoolLimits(random, age_jitter);
  s.drains = random.Percent(15);
  s.longest_dial = random.Pick({milliseconds(10), milliseconds(40), milliseconds(150)});
  s.stormy = random.Millis(200, 5000);
  s.bursts = static_cast<unsigned>(random.Between(5, 150));
  s.burst_size = random.Pick({1U, 3U, 8U, 8U, 20U});
  s.longest_exchange = random.Pick({milliseconds(5), milliseconds(30), milliseconds(100)});
  s.refused = random.Pick({0U, 0U, 0U, 10U, 10U, 50U, 100U});
  s.unanswered = Rate(random, 10, 100);
  s.denied = Rate(random, 10, 60);
  s.cancelled = Rate(random, 15, 60);
  s.fresh = Rate(random, 10, 50);
  s.without_deadline = random.Pick({0U, 50U, 100U});
  s.given_back_unused = Rate(random, 5, 40);
  s.broken = Rate(random, 5, 40);
  s.not_reusable = Rate(random, 10, 60);
  s.going_away = s.many_streams ? random.Pick({0U, 0U, 0U, 10U, 60U, 100U}) : 0;
  s.hinted = Rate(random, 20, 90);
  s.lagging = Rate(random, 5, 30);
  s.late_ticks = Rate(random, 10, 80);
  s.idle_closes = Rate(random, 4, 25);
  s.goaways = Rate(random, 3, 15);
  s.capacity_changes = s.many_streams ? Rate(random, 5, 30) : 0;
  s.outages = Rate(random, 1, 4);
  s.flushes = Rate(random, 1, 4);
  s.retirements = Rate(random, 3, 15);
  s.idle_purges = Rate(random, 1, 4);
  s.evictions = Rate(random, 3, 12);
  s.stale_handles = Rate(random, 5, 15);
  return s;
}

}  // namespace spillway
