#include "transport/io/function_lookup.h"

#include <netdb.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <system_error>
#include <thread>
#include <utility>

#include "transport/base/mutex.h"

namespace spillway {
namespace {

constexpr std::chrono::milliseconds kStopGrace{200};

bool IsWanted(const IpAddress& address, AddressFamily family) {
  if (family == AddressFamily::kAny) return true;
  const bool is_ipv4 = address.family == IpAddress::Family::kIpv4;
  return is_ipv4 == (family == AddressFamily::kIpv4Only);
}

Failure FailureOf(int code) {
  if (code == 0) return LookupFailure(Reason::kDnsError, "no usable address");
  bool absent = code == EAI_NONAME;
#ifdef EAI_NODATA
  absent = absent || code == EAI_NODATA;
#endif
  return LookupFailure(absent ? Reason::kDestinationNotFound : Reason::kDnsError,
                       gai_strerror(code));
}

}  // namespace

// Shared with the threads, so that one stuck in the function can outlive its owner.
struct FunctionLookup::State {
  struct Job {
    std::string name;
    AddressFamily family = AddressFamily::kAny;
    LookupDone done;
  };

  State(LookupFunction lookup, std::uint32_t threads_at_most, std::size_t addresses_at_most)
      : function(std::move(lookup)),
        max_threads(std::max(1U, threads_at_most)),
        max_addresses(addresses_at_most) {}

  const LookupFunction function;
  const std::uint32_t max_threads;
  const std::size_t max_addresses;

  Mutex mu;
  std::condition_variable_any wake;
  std::deque<Job> queue SPILLWAY_GUARDED_BY(mu);
  std::uint32_t threads SPILLWAY_GUARDED_BY(mu) = 0;
  std::uint32_t idle_threads SPILLWAY_GUARDED_BY(mu) = 0;
  bool stopped SPILLWAY_GUARDED_BY(mu) = false;

  void Run();
  std::shared_ptr<const DnsAnswer> LookUp(const Job& job) const;
};

std::shared_ptr<const DnsAnswer> FunctionLookup::State::LookUp(const Job& job) const {
  std::vector<std::string> numeric;
  const int code = function(job.name, numeric);
  auto answer = std::make_shared<DnsAnswer>();
  for (const std::string& text : numeric) {
    const auto address = IpAddress::Parse(text);
    if (!address.has_value() || !IsWanted(*address, job.family)) continue;
    const auto& known = answer->addresses;
    if (std::find(known.begin(), known.end(), *address) != known.end()) continue;
    if (known.size() == max_addresses) break;
    answer->addresses.push_back(*address);
  }
  if (code != 0 || answer->addresses.empty()) answer->failure = FailureOf(code);
  return answer;
}

void FunctionLookup::State::Run() {
  while (true) {
    Job job;
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
      job = std::move(queue.front());
      queue.pop_front();
    }
    const auto answer = LookUp(job);
    bool ended = false;
    {
      MutexLock lock(mu);
      ended = stopped;
    }
    if (!ended) job.done(answer);
  }
}

FunctionLookup::FunctionLookup(LookupFunction function, std::uint32_t max_threads,
                               std::size_t max_addresses)
    : state_(std::make_shared<State>(std::move(function), max_threads, max_addresses)) {}

FunctionLookup::~FunctionLookup() { Stop(); }

void FunctionLookup::Start(const std::string& name, AddressFamily family, LookupDone done) {
  bool start_thread = false;
  {
    MutexLock lock(state_->mu);
    if (state_->stopped) return;
    state_->queue.push_back({name, family, std::move(done)});
    start_thread =
        state_->idle_threads < state_->queue.size() && state_->threads < state_->max_threads;
    if (start_thread) ++state_->threads;
    state_->wake.notify_one();
  }
  if (start_thread) StartThread();
}

void FunctionLookup::StartThread() {
  try {
    std::thread([state = state_] { state->Run(); }).detach();
  } catch (const std::system_error&) {
    // No thread to be had now. The next lookup tries again; until then the dial's budget decides.
    MutexLock lock(state_->mu);
    --state_->threads;
  }
}

void FunctionLookup::Stop() {
  // Callbacks are destroyed outside the lock: they may own what calls back into us.
  std::deque<State::Job> dropped;
  MutexLock lock(state_->mu);
  if (state_->stopped) return;
  state_->stopped = true;
  dropped.swap(state_->queue);
  state_->wake.notify_all();
  const auto until = std::chrono::steady_clock::now() + kStopGrace;
  while (state_->threads > 0) {
    if (state_->wake.wait_until(state_->mu, until) == std::cv_status::timeout) break;
  }
}

}  // namespace spillway
