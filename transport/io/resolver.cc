#include "transport/io/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "transport/base/mutex.h"
#include "transport/io/clock.h"

namespace spillway {
namespace {

constexpr std::chrono::milliseconds kStopGrace{200};

int SystemLookup(const std::string& host, std::vector<std::string>& out) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  int code = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  // A machine that only has loopback has no "configured" family; localhost must still resolve.
  if (code == EAI_NONAME || code == EAI_ADDRFAMILY) {
    hints.ai_flags = 0;
    code = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  }
  if (code != 0) return code;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(entry->ai_addr, entry->ai_addrlen, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      out.emplace_back(text.data());
    }
  }
  freeaddrinfo(list);
  return 0;
}

Failure LookupFailure(int code) {
  Failure failure;
  failure.source = Source::kDns;
  failure.phase = Phase::kDns;
  failure.delivery = Delivery::kNotSent;
  switch (code) {
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
      failure.reason = Reason::kDestinationNotFound;
      break;
    default:
      failure.reason = Reason::kDnsError;
      break;
  }
  failure.message =
      std::string("name lookup failed: ") + (code == 0 ? "no usable address" : gai_strerror(code));
  return failure;
}

std::shared_ptr<const DnsAnswer> MakeAnswer(int code, const std::vector<std::string>& numeric,
                                            std::size_t max_addresses) {
  auto answer = std::make_shared<DnsAnswer>();
  for (const std::string& text : numeric) {
    const auto address = IpAddress::Parse(text);
    if (!address.has_value()) continue;
    const auto& known = answer->addresses;
    if (std::find(known.begin(), known.end(), *address) != known.end()) continue;
    if (known.size() == max_addresses) break;
    answer->addresses.push_back(*address);
  }
  if (code != 0 || answer->addresses.empty()) answer->failure = LookupFailure(code);
  return answer;
}

}  // namespace

// Shared with the threads, so that one stuck in getaddrinfo can outlive the Resolver.
struct Resolver::State {
  State(const ProcessLimits& process, LookupFunction lookup_function,
        std::function<void(Reason, Duration)> lookup_observer)
      : limits(process),
        lookup(lookup_function ? std::move(lookup_function) : SystemLookup),
        on_lookup(std::move(lookup_observer)),
        cache(process.max_dns_entries, process.dns_positive_ttl, process.dns_negative_ttl) {}

  const ProcessLimits limits;
  const LookupFunction lookup;
  const std::function<void(Reason, Duration)> on_lookup;

  Mutex mu;
  std::condition_variable_any wake;
  DnsCache cache SPILLWAY_GUARDED_BY(mu);
  std::deque<std::string> queue SPILLWAY_GUARDED_BY(mu);
  // Names queued or being looked up, with who waits for each.
  std::unordered_map<std::string, std::vector<Callback>> waiting SPILLWAY_GUARDED_BY(mu);
  std::uint32_t threads SPILLWAY_GUARDED_BY(mu) = 0;
  std::uint32_t idle_threads SPILLWAY_GUARDED_BY(mu) = 0;
  bool stopped SPILLWAY_GUARDED_BY(mu) = false;

  void Run();
  void LookUpOne(const std::string& name);
};

void Resolver::State::LookUpOne(const std::string& name) {
  const Instant started = Now();
  std::vector<std::string> numeric;
  const int code = lookup(name, numeric);
  const Instant ended = Now();
  const auto answer = MakeAnswer(code, numeric, limits.max_addresses);
  std::vector<Callback> callbacks;
  {
    MutexLock lock(mu);
    if (stopped) return;
    cache.Store(name, answer, ended);
    callbacks = std::move(waiting[name]);
    waiting.erase(name);
  }
  if (on_lookup) {
    on_lookup(answer->failure ? answer->failure->reason : Reason::kNone, ended - started);
  }
  for (Callback& callback : callbacks) callback(answer);
}

void Resolver::State::Run() {
  while (true) {
    std::string name;
    {
      MutexLock lock(mu);
      ++idle_threads;
      while (!stopped && queue.empty()) wake.wait(mu);
      --idle_threads;
      if (stopped) {
        --threads;
        wake.notify_all();
        return;
      }
      name = std::move(queue.front());
      queue.pop_front();
    }
    LookUpOne(name);
  }
}

Resolver::Resolver(const ProcessLimits& limits, LookupFunction lookup,
                   std::function<void(Reason, Duration)> on_lookup)
    : state_(std::make_shared<State>(limits, std::move(lookup), std::move(on_lookup))) {}

Resolver::~Resolver() { Stop(); }

void Resolver::Resolve(const std::string& name, Callback callback) {
  std::shared_ptr<const DnsAnswer> answer;
  bool start_thread = false;
  {
    MutexLock lock(state_->mu);
    if (state_->stopped) return;
    answer = state_->cache.Find(name, Now());
    if (answer == nullptr) {
      const auto entry = state_->waiting.find(name);
      if (entry != state_->waiting.end()) {
        entry->second.push_back(std::move(callback));
        return;
      }
      if (state_->waiting.size() >= state_->limits.max_pending_lookups) {
        auto refused = std::make_shared<DnsAnswer>();
        refused->failure = Failure{Reason::kDnsError, Source::kDns, Phase::kDns, Delivery::kNotSent,
                                   "too many name lookups pending"};
        answer = std::move(refused);
      } else {
        state_->waiting[name].push_back(std::move(callback));
        state_->queue.push_back(name);
        start_thread = state_->idle_threads < state_->queue.size() &&
                       state_->threads < std::max(1U, state_->limits.resolver_threads);
        if (start_thread) ++state_->threads;
        state_->wake.notify_one();
      }
    }
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): moved only where there is no answer yet
  if (answer != nullptr) return callback(std::move(answer));
  if (start_thread) StartThread();
}

void Resolver::StartThread() {
  try {
    std::thread([state = state_] { state->Run(); }).detach();
  } catch (const std::system_error&) {
    // No thread to be had now. The next lookup tries again; until then the dial's budget decides.
    MutexLock lock(state_->mu);
    --state_->threads;
  }
}

void Resolver::Stop() {
  // Callbacks are destroyed outside the lock: they may own what calls back into us.
  std::unordered_map<std::string, std::vector<Callback>> dropped;
  MutexLock lock(state_->mu);
  state_->stopped = true;
  dropped.swap(state_->waiting);
  state_->queue.clear();
  state_->wake.notify_all();
  const auto until = std::chrono::steady_clock::now() + kStopGrace;
  while (state_->threads > 0) {
    if (state_->wake.wait_until(state_->mu, until) == std::cv_status::timeout) break;
  }
}

}  // namespace spillway
