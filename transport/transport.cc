#include "transport/transport.h"

#include <sys/resource.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "transport/base/field_rules.h"
#include "transport/base/replay_buffer.h"
#include "transport/io/clock.h"
#include "transport/pool.h"
#include "transport/round_trip.h"
#include "transport/route_cache.h"

namespace spillway {
namespace {

constexpr std::uint32_t kDefaultMaxConnections = 10'000;
// Descriptors that are not for origin connections when nobody says otherwise.
constexpr std::uint64_t kReservedDescriptors = 256;

std::uint32_t ConnectionLimit(const ProcessLimits& limits) {
  if (limits.max_connections != 0) return limits.max_connections;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) {
    return kDefaultMaxConnections;
  }
  const std::uint64_t usable = files.rlim_cur > 2 * kReservedDescriptors
                                   ? files.rlim_cur - kReservedDescriptors
                                   : std::max<std::uint64_t>(1, files.rlim_cur / 2);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(usable, kDefaultMaxConnections));
}

std::uint32_t LoopCount(const ProcessLimits& limits) {
  if (limits.loops != 0) return limits.loops;
  const std::uint32_t cores = std::thread::hardware_concurrency();
  return std::max(1U, cores == 0 ? 1U : cores - 1);
}

// Whether policy lets the connection become something else.
std::optional<Failure> CheckSwitch(const PreparedRequest& request) {
  const StreamLimits& allowed = request.destination->stream;
  const bool refused = (request.switching == ProtocolSwitch::kUpgrade && !allowed.allow_upgrade) ||
                       (request.switching == ProtocolSwitch::kConnect && !allowed.allow_connect);
  if (!refused) return std::nullopt;
  return Failure{Reason::kHttpRequestDenied, Source::kPolicy, Phase::kNone, Delivery::kNotSent,
                 request.switching == ProtocolSwitch::kUpgrade
                     ? "policy allows no upgrades to this destination"
                     : "policy allows no CONNECT to this destination"};
}

class TransportImpl final : public Transport, public RoundTripHost {
 public:
  explicit TransportImpl(TransportOptions options)
      : observer_(options.observer != nullptr ? std::move(options.observer)
                                              : std::make_shared<TransportObserver>()),
        policy_(std::move(options.policy)),
        may_decompress_(policy_->may_decompress()),
        address_allowed_(std::move(options.address_allowed)),
        loops_(LoopCount(options.limits),
               [this](std::uint32_t loop, Duration lag) { observer_->OnLoopLag(loop, lag); }),
        resolver_(options.limits, std::move(options.lookup),
                  [observer = observer_](Reason reason, Duration took) {
                    observer->OnDnsLookup(reason, took);
                  }),
        pool_(loops_, DialServices{resolver_, address_allowed_, tls_contexts_, tls_sessions_},
              ConnectionLimit(options.limits), *observer_) {
    loops_.Start();
  }

  ~TransportImpl() override { Shutdown(); }

  std::shared_ptr<RoundTripHandle> Start(Request request,
                                         std::shared_ptr<ResponseSink> sink) override;

  void Explain(const std::string& url, const std::string& tenant,
               std::function<void(Explanation)> explained) override;

  Instant Now() const override { return spillway::Now(); }
  void RunAfter(Duration delay, std::function<void()> function) override {
    loops_.at(0).RunAfter(delay, std::move(function));
  }
  void Post(std::function<void()> function) override {
    EventLoop* const loop = EventLoop::Current();
    (loop != nullptr ? *loop : loops_.at(0)).Post(std::move(function));
  }
  void AtEndOfTurn(const std::function<void()>& function) override {
    EventLoop* const loop = EventLoop::Current();
    // A handler that is posted from a handler runs after those that were ready before it.
    return loop != nullptr ? loop->Post(function) : function();
  }
  std::shared_ptr<const Policy> policy() const override {
    MutexLock lock(mu_);
    return policy_;
  }
  bool may_decompress() const override { return may_decompress_.load(std::memory_order_relaxed); }
  void SetPolicy(std::shared_ptr<const Policy> policy) override {
    {
      MutexLock lock(mu_);
      policy_ = policy;
    }
    may_decompress_.store(policy->may_decompress(), std::memory_order_relaxed);
    pool_.SetPolicy(std::move(policy));
  }
  TlsContextCounts tls_contexts() override { return tls_contexts_.Counts(); }
  std::vector<PoolSnapshot> Snapshot() const override { return pool_.Snapshot(); }
  std::uint32_t CloseIdleConnections(const std::string& filter) override {
    return pool_.CloseIdle(filter);
  }
  std::uint32_t connection_count() const override { return pool_.budget().used(); }
  std::uint32_t connection_limit() const override { return pool_.budget().limit(); }
  std::uint32_t active_round_trips() const override {
    return active_.load(std::memory_order_relaxed);
  }
  void Drain(std::function<void()> drained) override;
  void Shutdown() override;

 private:
  Result<PreparedRequest> Prepare(Request& request, Instant now);
  // Fills in destination, rule and entry.
  std::optional<Failure> FindRoute(PreparedRequest& prepared);
  std::shared_ptr<PoolEntry> Http1EntryFor(const PreparedRequest& request) override;
  void OnRoundTripEnded() override { EndOne(); }
  void EndOne();
  static void Refuse(Failure failure, const std::string& method, Instant now, ResponseSink& sink);

  const std::shared_ptr<TransportObserver> observer_;
  mutable Mutex mu_;
  std::shared_ptr<const Policy> policy_ SPILLWAY_GUARDED_BY(mu_);
  std::function<void()> drained_ SPILLWAY_GUARDED_BY(mu_);
  std::atomic<bool> may_decompress_;
  std::atomic<bool> draining_{false};
  std::atomic<std::uint32_t> active_{0};
  bool stopped_ = false;
  const AddressPolicy address_allowed_;
  LoopGroup loops_;
  Resolver resolver_;
  TlsContexts tls_contexts_;
  TlsSessionCache tls_sessions_;
  RouteCache routes_;
  mutable Pool pool_;
};

std::optional<Failure> TransportImpl::FindRoute(PreparedRequest& prepared) {
  const Url& url = prepared.head.url;
  // Upgrades are rare, and their ways are not those of other requests.
  const bool switching = prepared.switching != ProtocolSwitch::kNone;
  std::optional<RouteCache::Hit> hit;
  if (!switching) hit = routes_.Find(url, prepared.tenant, prepared.policy);
  if (!hit.has_value()) {
    OriginRequest origin{url, prepared.tenant, prepared.switching == ProtocolSwitch::kUpgrade,
                         switching};
    origin.url.target.clear();
    Result<Route> route = PlanRoute(*prepared.policy, origin.AsRouteRequest());
    if (route.has_error()) return route.error();
    hit.emplace();
    hit->destination = route->destination;
    hit->rule = std::make_shared<const std::string>(std::move(route->rule));
    hit->entry = pool_.EntryFor(*std::move(route), origin, prepared.policy);
    if (!switching) routes_.Store(origin, prepared.policy, *hit);
  }
  prepared.destination = hit->destination;
  prepared.rule = std::move(hit->rule);
  prepared.entry = std::move(hit->entry);
  return std::nullopt;
}

void TransportImpl::Explain(const std::string& url, const std::string& tenant,
                            std::function<void(Explanation)> explained) {
  Explanation explanation;
  explanation.policy = policy();
  Result<Url> parsed = ParseUrl(url);
  if (parsed.has_error()) {
    explanation.refusal = parsed.error();
    return explained(std::move(explanation));
  }
  Result<Route> route = PlanRoute(*explanation.policy, {*parsed, tenant, false});
  if (route.has_error()) {
    explanation.refusal = route.error();
    return explained(std::move(explanation));
  }
  explanation.route = *std::move(route);
  const ConnectPlan& plan = explanation.route.plans.front();
  const auto judge = [this, port = plan.port](Explanation& made) {
    for (const IpAddress& address : made.addresses) {
      made.allowed.push_back(TcpDial::Allowed(address_allowed_, address, port));
    }
  };
  explanation.addresses = plan.addresses.static_addresses;
  if (explanation.addresses.empty() && plan.host_kind != HostKind::kName) {
    if (const auto address = IpAddress::Parse(plan.host)) explanation.addresses = {*address};
  }
  if (!explanation.addresses.empty()) {
    judge(explanation);
    return explained(std::move(explanation));
  }
  const std::string name =
      plan.addresses.host_alias.empty() ? plan.host : plan.addresses.host_alias;
  auto shared = std::make_shared<Explanation>(std::move(explanation));
  resolver_.Resolve(name, shared->route.plans.front().addresses.family,
                    [shared, judge, explained = std::move(explained)](auto answer) {
                      shared->addresses = answer->addresses;
                      shared->lookup_failure = answer->failure;
                      judge(*shared);
                      explained(std::move(*shared));
                    });
}

std::shared_ptr<PoolEntry> TransportImpl::Http1EntryFor(const PreparedRequest& request) {
  OriginRequest origin{request.head.url, request.tenant, true,
                       request.switching != ProtocolSwitch::kNone};
  origin.url.target.clear();
  Result<Route> route = PlanRoute(*request.policy, origin.AsRouteRequest());
  if (route.has_error()) return nullptr;
  return pool_.EntryFor(*std::move(route), origin, request.policy);
}

Result<PreparedRequest> TransportImpl::Prepare(Request& request, Instant now) {
  Result<Url> url = ParseUrl(request.url);
  if (url.has_error()) return url.error();
  PreparedRequest prepared;
  prepared.head.method = request.method.empty() ? "GET" : std::move(request.method);
  prepared.head.url = *std::move(url);
  prepared.head.target = std::move(request.request_target);
  prepared.head.headers = std::move(request.headers);
  prepared.policy = policy();
  RequestShape shape;
  shape.streamed = request.streamed;
  if (request.body != nullptr) shape.body_size = request.body->length();
  const Result<RequestFacts> facts =
      CheckRequest(prepared.head, shape, prepared.policy->request_limits());
  if (facts.has_error()) return facts.error();
  prepared.switching = facts->switching;
  prepared.tenant = std::move(request.tenant);
  if (std::optional<Failure> refused = FindRoute(prepared)) return *std::move(refused);
  const Destination& destination = *prepared.destination;
  if (std::optional<Failure> refused = CheckSwitch(prepared)) return *std::move(refused);
  prepared.body = std::move(request.body);
  if (prepared.body != nullptr && !prepared.body->replayable()) {
    prepared.body = std::make_shared<ReplayBuffer>(std::move(prepared.body),
                                                   destination.retry.replay_buffer_bytes);
  }
  if (facts->expect_continue && prepared.body != nullptr) {
    prepared.expect_continue = destination.timeouts.expect_continue;
  }
  prepared.close = facts->close;
  prepared.idempotent = request.idempotency == Idempotency::kIdempotent ||
                        (request.idempotency == Idempotency::kByMethod &&
                         (IsReplayableMethod(prepared.head.method) || facts->idempotency_key));
  prepared.fresh_connection = request.fresh_connection;
  prepared.want_timeline = request.want_timeline;
  prepared.max_attempts = destination.retry.max_attempts;
  if (request.max_attempts != 0) {
    prepared.max_attempts = std::min(prepared.max_attempts, request.max_attempts);
  }
  prepared.max_response_bytes = request.max_response_bytes;

  const Timeouts& timeouts = destination.timeouts;
  const bool has_deadline = request.deadline != kNever;
  const Instant policy_deadline = std::min(After(now, timeouts.total), request.not_after);
  ExchangeLimits& limits = prepared.limits;
  limits.deadline = std::min(request.deadline, policy_deadline);
  limits.deadline_is_callers = request.deadline <= policy_deadline;
  limits.write_stall = timeouts.write_stall;
  // With a deadline of the caller's, slow reports and long polls may take all of it (decision 9).
  limits.response_header = request.response_header_timeout > Duration::zero()
                               ? request.response_header_timeout
                           : has_deadline ? kForever
                                          : timeouts.response_header;
  limits.body_stall = has_deadline ? kForever : timeouts.body_stall;
  limits.caller_stall = has_deadline ? kForever : timeouts.caller_stall;
  limits.tunnel_idle = timeouts.tunnel_idle;
  return prepared;
}

void TransportImpl::Refuse(Failure failure, const std::string& method, Instant now,
                           ResponseSink& sink) {
  RoundTripRecord record;
  record.method = method;
  record.destination = std::make_shared<const std::string>();
  record.started = now;
  record.failure = std::move(failure);
  sink.OnEnd(record);
}

std::shared_ptr<RoundTripHandle> TransportImpl::Start(Request request,
                                                      std::shared_ptr<ResponseSink> sink) {
  const Instant now = spillway::Now();
  // Counted before the draining check, so that Drain cannot miss it.
  active_.fetch_add(1, std::memory_order_seq_cst);
  Result<PreparedRequest> prepared = Prepare(request, now);
  std::optional<Failure> refused;
  if (prepared.has_error()) {
    refused = prepared.error();
  } else if (draining_.load(std::memory_order_seq_cst)) {
    refused = Failure{Reason::kDraining, Source::kService, Phase::kQueue, Delivery::kNotSent,
                      "the service is draining"};
  } else if (prepared->limits.deadline <= now) {
    refused = Failure{Reason::kDeadlineExceeded, Source::kCaller, Phase::kQueue, Delivery::kNotSent,
                      "the deadline had passed on arrival"};
  }
  if (refused.has_value()) {
    const std::string& method = prepared.has_error() ? request.method : prepared->head.method;
    Refuse(*std::move(refused), method, now, *sink);
    EndOne();
    return nullptr;
  }
  auto round_trip =
      std::make_shared<RoundTrip>(pool_, *this, *std::move(prepared), std::move(sink), now);
  round_trip->Start();
  return round_trip;
}

void TransportImpl::EndOne() {
  if (active_.fetch_sub(1, std::memory_order_seq_cst) != 1) return;
  if (!draining_.load(std::memory_order_seq_cst)) return;
  std::function<void()> drained;
  {
    MutexLock lock(mu_);
    drained = std::exchange(drained_, nullptr);
  }
  if (drained) drained();
}

void TransportImpl::Drain(std::function<void()> drained) {
  {
    MutexLock lock(mu_);
    drained_ = std::move(drained);
  }
  // Holding one ourselves makes the check for zero happen in one place.
  active_.fetch_add(1, std::memory_order_seq_cst);
  draining_.store(true, std::memory_order_seq_cst);
  pool_.Drain();
  EndOne();
}

void TransportImpl::Shutdown() {
  if (std::exchange(stopped_, true)) return;
  draining_.store(true, std::memory_order_seq_cst);
  pool_.CloseAll();
  resolver_.Stop();
  loops_.Stop();
}

}  // namespace

std::unique_ptr<Transport> Transport::Create(TransportOptions options) {
  return std::make_unique<TransportImpl>(std::move(options));
}

}  // namespace spillway
