#include "server/fd_budget.h"

#include <sys/resource.h>

#include <algorithm>
#include <string>

namespace spillway {
namespace {

// Standard streams, listeners, gRPC's own, resolver sockets.
constexpr std::uint32_t kBaseReserve = 64;
// Connections to the metrics endpoint and the Admin service: this many, or an eighth of the limit.
constexpr std::uint32_t kMaxSideConnections = 160;
// An event loop has an epoll, an event and a timer descriptor.
constexpr std::uint32_t kPerLoop = 4;

Failure TooSmall(std::string message) {
  return {.reason = Reason::kInternalError,
          .source = Source::kService,
          .phase = Phase::kNone,
          .delivery = Delivery::kNotSent,
          .message = std::move(message),
          .field = {},
          .response_status = 0};
}

}  // namespace

Result<FdBudget> PlanDescriptors(std::uint64_t limit, const FdDemand& demand) {
  if (limit < kMinDescriptors) {
    return TooSmall("the limit on open files is " + std::to_string(limit) + ", at least " +
                    std::to_string(kMinDescriptors) +
                    " are needed; raise it (ulimit -n, LimitNOFILE=)");
  }
  FdBudget budget;
  budget.limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(limit, kMaxDescriptors));
  budget.reserve =
      kBaseReserve + kPerLoop * demand.loops + std::min(kMaxSideConnections, budget.limit / 8);
  const std::uint64_t needed =
      std::uint64_t{budget.reserve} + demand.front_wanted + demand.origin_wanted;
  // Each side needs at least one, however much was asked for on the other.
  if (needed + (demand.front_wanted == 0 ? 1 : 0) + (demand.origin_wanted == 0 ? 1 : 0) >
      budget.limit) {
    return TooSmall("the limit on open files is " + std::to_string(limit) +
                    ", but the configured connections and the reserve need more than that; "
                    "raise it (ulimit -n, LimitNOFILE=) or lower the configured limits");
  }
  const std::uint32_t left = budget.limit - budget.reserve;
  if (demand.front_wanted != 0) {
    budget.front = demand.front_wanted;
  } else {
    budget.front = std::clamp(left / 4, 1U, kMaxDefaultFront);
    if (demand.origin_wanted != 0) {
      budget.front = std::min(budget.front, left - demand.origin_wanted);
    }
  }
  budget.origin = demand.origin_wanted != 0 ? demand.origin_wanted : left - budget.front;
  return budget;
}

std::uint64_t RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, kMaxDescriptors);
  if (wanted > limit.rlim_cur) {
    rlimit raised = {wanted, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return wanted;
  }
  return limit.rlim_cur;
}

}  // namespace spillway
