#include "transport/io/resolver.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "transport/base/mutex.h"
#include "transport/connect/address_memory.h"
#include "transport/io/ares_lookup.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

// A name looked up for some addresses only is another name to the cache.
std::string KeyOf(const std::string& name, AddressFamily family) {
  return family == AddressFamily::kAny ? name : name + "|" + std::string(Label(family));
}

}  // namespace

// Shared with callbacks under way, so that a late one meets something.
struct Resolver::State : std::enable_shared_from_this<Resolver::State> {
  struct Watched {
    std::string name;
    AddressFamily family = AddressFamily::kAny;
    std::vector<OnAddresses> listeners;
    Instant due{};
    bool looking = false;
  };

  State(const ProcessLimits& process, std::function<void(Reason, Duration)> observer)
      : limits(process),
        on_lookup(std::move(observer)),
        work(context.get_executor()),
        watch_timer(context),
        cache(process.max_dns_entries, {process.dns_positive_ttl, process.dns_negative_ttl}) {}

  // The waiting callbacks and watches of `key`, and the thread, from any thread.
  void Resolve(const std::string& name, AddressFamily family, Callback callback);
  bool Watch(const std::string& name, AddressFamily family, OnAddresses on_addresses);
  bool EnsureThread() SPILLWAY_REQUIRES(mu);
  void Stop();

  // On the thread.
  void StartLookup(const std::string& name, AddressFamily family);
  void ArmWatchTimer();
  void OnWatchTimer();

  // On any thread of a lookup's.
  void OnAnswer(const std::string& key, Instant started, std::shared_ptr<const DnsAnswer> answer);
  void TellListeners(const std::string& key, const DnsAnswer& answer);

  const ProcessLimits limits;
  const std::function<void(Reason, Duration)> on_lookup;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work;
  asio::steady_timer watch_timer;      // of the thread
  std::unique_ptr<NameLookup> lookup;  // set before the thread starts

  Mutex mu;
  std::thread thread SPILLWAY_GUARDED_BY(mu);
  DnsCache cache SPILLWAY_GUARDED_BY(mu);
  AddressMemory memory SPILLWAY_GUARDED_BY(mu);
  // Keys that are being looked up, with who waits for each.
  std::unordered_map<std::string, std::vector<Callback>> waiting SPILLWAY_GUARDED_BY(mu);
  std::unordered_map<std::string, Watched> watches SPILLWAY_GUARDED_BY(mu);
  bool stopped SPILLWAY_GUARDED_BY(mu) = false;
};

bool Resolver::State::EnsureThread() {
  if (thread.joinable()) return true;
  try {
    thread = std::thread([this] { context.run(); });
  } catch (const std::system_error&) {
    return false;  // none to be had now; the next lookup tries again
  }
  return true;
}

void Resolver::State::Resolve(const std::string& name, AddressFamily family, Callback callback) {
  const std::string key = KeyOf(name, family);
  std::shared_ptr<const DnsAnswer> answer;
  {
    MutexLock lock(mu);
    if (stopped) return;
    answer = cache.Find(key, Now());
    if (answer == nullptr) {
      const auto entry = waiting.find(key);
      if (entry != waiting.end()) {
        entry->second.push_back(std::move(callback));
        return;
      }
      const bool full = waiting.size() >= limits.max_pending_lookups;
      if (full || !EnsureThread()) {
        auto refused = std::make_shared<DnsAnswer>();
        refused->failure = LookupFailure(Reason::kDnsError,
                                         full ? "too many are pending" : "no thread can be had");
        answer = std::move(refused);
      } else {
        waiting[key].push_back(std::move(callback));
      }
    }
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): moved only where there is no answer yet
  if (answer != nullptr) return callback(std::move(answer));
  asio::post(context, [this, name, family] { StartLookup(name, family); });
}

void Resolver::State::StartLookup(const std::string& name, AddressFamily family) {
  lookup->Start(name, family,
                [weak = weak_from_this(), key = KeyOf(name, family),
                 started = Now()](const std::shared_ptr<const DnsAnswer>& answer) {
                  if (const auto self = weak.lock()) self->OnAnswer(key, started, answer);
                });
}

void Resolver::State::OnAnswer(const std::string& key, Instant started,
                               std::shared_ptr<const DnsAnswer> answer) {
  const Instant ended = Now();
  std::vector<Callback> callbacks;
  {
    MutexLock lock(mu);
    if (stopped) return;
    if (answer->failure.has_value()) {
      auto dated = std::make_shared<DnsAnswer>(*answer);
      dated->failure->retry_at = After(ended, cache.Lifetime(*answer));
      answer = std::move(dated);
    }
    cache.Store(key, answer, ended);
    if (const auto found = waiting.find(key); found != waiting.end()) {
      callbacks = std::move(found->second);
      waiting.erase(found);
    }
  }
  if (on_lookup) {
    on_lookup(answer->failure ? answer->failure->reason : Reason::kNone, ended - started);
  }
  for (Callback& callback : callbacks) callback(answer);
  TellListeners(key, *answer);
}

// --- Watches ---

bool Resolver::State::Watch(const std::string& name, AddressFamily family,
                            OnAddresses on_addresses) {
  const std::string key = KeyOf(name, family);
  {
    MutexLock lock(mu);
    if (stopped || !EnsureThread()) return false;
    if (watches.size() >= limits.max_dns_entries && watches.count(key) == 0) return false;
    Watched& watched = watches[key];
    if (watched.listeners.empty()) {
      watched.name = name;
      watched.family = family;
      const Instant now = Now();
      const auto known = cache.Find(key, now);
      const Duration left = known == nullptr ? Duration::zero() : cache.Lifetime(*known);
      watched.due = After(now, std::max(left, kLeastWatchGap));
    }
    watched.listeners.push_back(std::move(on_addresses));
  }
  asio::post(context, [this] { ArmWatchTimer(); });
  return true;
}

void Resolver::State::ArmWatchTimer() {
  Instant due = kNever;
  {
    MutexLock lock(mu);
    if (stopped) return;
    std::uint32_t looking = 0;
    for (const auto& [key, watched] : watches) looking += watched.looking ? 1 : 0;
    if (looking >= kWatchLookups) return;  // the end of one of them arms it
    for (const auto& [key, watched] : watches) {
      if (!watched.looking) due = std::min(due, watched.due);
    }
  }
  if (due == kNever) return;
  watch_timer.expires_after(Until(due, Now()));
  watch_timer.async_wait([this](const boost::system::error_code& error) {
    if (!error) OnWatchTimer();
  });
}

void Resolver::State::OnWatchTimer() {
  std::vector<std::pair<std::string, AddressFamily>> due;
  {
    MutexLock lock(mu);
    if (stopped) return;
    const Instant now = Now();
    std::uint32_t looking = 0;
    for (const auto& [key, watched] : watches) looking += watched.looking ? 1 : 0;
    for (auto& [key, watched] : watches) {
      if (looking >= kWatchLookups) break;
      if (watched.looking || watched.due > now) continue;
      watched.looking = true;
      ++looking;
      // Somebody's lookup may be under way; its answer is ours as well.
      if (waiting.try_emplace(key).second) due.emplace_back(watched.name, watched.family);
    }
  }
  for (const auto& [name, family] : due) StartLookup(name, family);
  ArmWatchTimer();
}

void Resolver::State::TellListeners(const std::string& key, const DnsAnswer& answer) {
  std::vector<OnAddresses> listeners;
  {
    MutexLock lock(mu);
    const auto found = watches.find(key);
    if (found == watches.end()) return;
    found->second.looking = false;
    found->second.due = After(Now(), std::max(cache.Lifetime(answer), kLeastWatchGap));
    listeners = std::exchange(found->second.listeners, {});
  }
  std::erase_if(listeners, [&](const OnAddresses& each) { return !each(answer); });
  {
    MutexLock lock(mu);
    const auto found = watches.find(key);
    if (found == watches.end()) return;
    auto& kept = found->second.listeners;
    kept.insert(kept.end(), std::make_move_iterator(listeners.begin()),
                std::make_move_iterator(listeners.end()));
    if (kept.empty()) watches.erase(found);
    if (stopped) return;
  }
  asio::post(context, [this] { ArmWatchTimer(); });
}

void Resolver::State::Stop() {
  // Callbacks are destroyed outside the lock: they may own what calls back into us.
  std::unordered_map<std::string, std::vector<Callback>> dropped;
  std::unordered_map<std::string, Watched> unwatched;
  std::thread ending;
  {
    MutexLock lock(mu);
    if (stopped) return;
    stopped = true;
    dropped.swap(waiting);
    unwatched.swap(watches);
    ending.swap(thread);
  }
  if (ending.joinable()) {
    asio::post(context, [this] {
      lookup->Stop();
      watch_timer.cancel();
      work.reset();
      context.stop();
    });
    ending.join();
  }
  lookup->Stop();
}

// --- The door ---

Resolver::Resolver(const ProcessLimits& limits, LookupFunction lookup,
                   std::function<void(Reason, Duration)> on_lookup, std::string nameservers)
    : state_(std::make_shared<State>(limits, std::move(on_lookup))) {
  if (lookup) {
    state_->lookup = std::make_unique<FunctionLookup>(std::move(lookup), limits.resolver_threads,
                                                      limits.max_addresses);
  } else {
    state_->lookup = std::make_unique<AresLookup>(
        state_->context,
        AresOptions{std::move(nameservers), kLookupDeadline, limits.max_addresses});
  }
}

Resolver::~Resolver() { Stop(); }

void Resolver::Resolve(const std::string& name, AddressFamily family, Callback callback) {
  state_->Resolve(name, family, std::move(callback));
}

bool Resolver::Watch(const std::string& name, AddressFamily family, OnAddresses on_addresses) {
  return state_->Watch(name, family, std::move(on_addresses));
}

std::vector<IpAddress> Resolver::Order(const std::string& name, std::uint16_t port,
                                       const std::vector<IpAddress>& addresses) {
  MutexLock lock(state_->mu);
  return state_->memory.Order(name, port, addresses, Now());
}

void Resolver::OnFailed(const IpAddress& address, std::uint16_t port) {
  MutexLock lock(state_->mu);
  state_->memory.OnFailed(address, port, Now());
}

void Resolver::OnConnected(const std::string& name, const IpAddress& address, std::uint16_t port) {
  MutexLock lock(state_->mu);
  state_->memory.OnConnected(name, address, port, Now());
}

void Resolver::Stop() { state_->Stop(); }

}  // namespace spillway
