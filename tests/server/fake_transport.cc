#include "tests/server/fake_transport.h"

#include <ctime>
#include <future>
#include <utility>

#include "transport/base/check.h"

namespace spillway {

class FakeTransport::Handle final : public RoundTripHandle {
 public:
  Handle(FakeTransport& transport, std::shared_ptr<Exchange> exchange)
      : transport_(transport), exchange_(std::move(exchange)) {}
  void Cancel() override { transport_.Cancel(exchange_->id()); }
  void Resume() override { transport_.Resume(); }

 private:
  FakeTransport& transport_;
  // And with it the sink: a user that keeps both for each other's sake leaks them.
  const std::shared_ptr<Exchange> exchange_;
};

std::string FakeTransport::Exchange::body() const {
  return request_.body == nullptr ? "" : request_.body->buffered()->Flatten();
}

void FakeTransport::Exchange::Informational(std::uint32_t status) {
  ResponseHead head;
  head.status = status;
  sink_->OnInformational(std::move(head));
}

void FakeTransport::Exchange::Head(std::uint32_t status, HeaderList headers, BodyKind kind,
                                   std::uint64_t length) {
  record_.status = status;
  ResponseHead head;
  head.status = status;
  head.reason = "Because";
  head.headers = std::move(headers);
  sink_->OnHead(std::move(head), kind, length);
}

BodySource::Status FakeTransport::Exchange::Pull(std::string& into,
                                                 std::function<void(Exchange&)> again) {
  Chunk chunk;
  while (true) {
    const BodySource::Status status =
        request_.body->Read(chunk, [&transport = transport_, id = id_, again] {
          if (again) transport.With(id, again);
        });
    if (status != BodySource::Status::kData) return status;
    into += chunk.bytes;
  }
}

void FakeTransport::Exchange::End() {
  SPILLWAY_CHECK(!ended_);
  ended_ = true;
  sink_->OnEnd(record_);
  transport_.Ended(*this);
}

void FakeTransport::Exchange::Fail(Failure failure) {
  record_.failure = std::move(failure);
  End();
}

FakeTransport::FakeTransport(Script script)
    : script_(std::move(script)), thread_([this] { Run(); }) {}

FakeTransport::~FakeTransport() {
  Shutdown();
  SPILLWAY_CHECK_NOTE(open_.empty(), "every round trip has ended");
}

void FakeTransport::Explain(const std::string& url, const std::string& tenant,
                            std::function<void(Explanation)> explained) {
  Post([this, url, tenant, explained = std::move(explained)] {
    explained_ = {url, tenant};
    explained(explanation);
  });
}

std::shared_ptr<const Policy> FakeTransport::policy() const {
  const MutexLock lock(mutex_);
  return policy_;
}

void FakeTransport::SetPolicy(std::shared_ptr<const Policy> policy) {
  const MutexLock lock(mutex_);
  policy_ = std::move(policy);
}

Instant FakeTransport::Now() const {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Instant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

std::shared_ptr<RoundTripHandle> FakeTransport::Start(Request request,
                                                      std::shared_ptr<ResponseSink> sink) {
  std::shared_ptr<Exchange> exchange;
  bool refused = false;
  {
    const MutexLock lock(mutex_);
    exchange = std::make_shared<Exchange>(*this, ++started_, std::move(request), std::move(sink));
    open_[exchange->id()] = exchange;
    refused = draining_ || stop_;
    changed_.notify_all();
  }
  if (refused) {
    FailOpen(*exchange, Reason::kDraining);
  } else if (exchange->request().url.empty()) {
    // As the real one: a malformed request ends before Start returns.
    exchange->Fail(BadRequest("url", "is empty"));
  } else {
    Post([this, exchange] {
      if (exchange->ended_) return;
      if (exchange->request_.deadline <= Now())
        return FailOpen(*exchange, Reason::kDeadlineExceeded);
      script_(*exchange);
    });
  }
  return std::make_shared<Handle>(*this, exchange);
}

void FakeTransport::With(std::uint64_t id, std::function<void(Exchange&)> what) {
  Post([this, id, what = std::move(what)] {
    std::shared_ptr<Exchange> exchange;
    {
      const MutexLock lock(mutex_);
      const auto found = open_.find(id);
      if (found == open_.end()) return;
      exchange = found->second;
    }
    what(*exchange);
  });
}

void FakeTransport::Cancel(std::uint64_t id) {
  {
    const MutexLock lock(mutex_);
    ++cancels_;
  }
  With(id, [this](Exchange& exchange) {
    exchange.cancelled_ = true;
    FailOpen(exchange, Reason::kCancelled);
  });
}

void FakeTransport::FailOpen(Exchange& exchange, Reason reason) {
  if (exchange.ended_) return;
  exchange.Fail({.reason = reason,
                 .source = Source::kCaller,
                 .phase = Phase::kFirstByte,
                 .delivery = reason == Reason::kDraining ? Delivery::kNotSent : Delivery::kUnknown,
                 .message = std::string(Label(reason)),
                 .field = {},
                 .response_status = exchange.record_.status});
}

void FakeTransport::Ended(Exchange& exchange) {
  std::function<void()> drained;
  {
    const MutexLock lock(mutex_);
    SPILLWAY_CHECK(open_.erase(exchange.id()) == 1);
    if (open_.empty() && draining_) drained = std::exchange(drained_, nullptr);
    changed_.notify_all();
  }
  if (drained != nullptr) drained();
}

void FakeTransport::Post(Task task) {
  const MutexLock lock(mutex_);
  tasks_.push_back(std::move(task));
  changed_.notify_all();
}

void FakeTransport::RunAfter(Duration delay, std::function<void()> function) {
  const MutexLock lock(mutex_);
  delayed_.emplace(stop_ ? Instant{} : After(Now(), delay), std::move(function));
  changed_.notify_all();
}

void FakeTransport::HoldTimers() {
  const MutexLock lock(mutex_);
  hold_ = true;
}

std::size_t FakeTransport::RunHeld() {
  std::promise<std::size_t> count;
  Post([this, &count] {
    std::multimap<Instant, Task> held;
    {
      const MutexLock lock(mutex_);
      held.swap(delayed_);
    }
    for (const auto& [due, task] : held) task();
    count.set_value(held.size());
  });
  return count.get_future().get();
}

Instant FakeTransport::RunDelayed() {
  std::vector<Task> due;
  Instant next = kNever;
  {
    const MutexLock lock(mutex_);
    if (hold_ && !stop_) return kNever;
    const Instant until = stop_ ? kNever : Now();
    while (!delayed_.empty() && delayed_.begin()->first <= until) {
      due.push_back(std::move(delayed_.begin()->second));
      delayed_.erase(delayed_.begin());
    }
    if (!delayed_.empty()) next = delayed_.begin()->first;
  }
  for (const Task& task : due) task();
  return next;
}

Instant FakeTransport::FailExpired() {
  Instant next = kNever;
  std::vector<std::shared_ptr<Exchange>> due;
  {
    const MutexLock lock(mutex_);
    const Instant now = Now();
    for (const auto& [id, exchange] : open_) {
      const Instant deadline = exchange->request_.deadline;
      if (deadline <= now) {
        due.push_back(exchange);
      } else {
        next = std::min(next, deadline);
      }
    }
  }
  for (const auto& exchange : due) FailOpen(*exchange, Reason::kDeadlineExceeded);
  return next;
}

void FakeTransport::Run() {
  while (true) {
    Instant next = std::min(FailExpired(), RunDelayed());
    Task task;
    {
      MutexLock lock(mutex_);
      if (tasks_.empty()) {
        if (stop_) return;
        // Something may have been planned since.
        if (!hold_ && !delayed_.empty()) next = std::min(next, delayed_.begin()->first);
        const Duration wait = std::min<Duration>(Until(next, Now()), std::chrono::seconds(1));
        changed_.wait_for(mutex_, wait);
        continue;
      }
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

void FakeTransport::AwaitStarted(std::uint64_t count) {
  MutexLock lock(mutex_);
  while (started_ < count) changed_.wait(mutex_);
}

void FakeTransport::Resume() {
  const MutexLock lock(mutex_);
  ++resumes_;
  changed_.notify_all();
}

void FakeTransport::AwaitResumes(std::uint64_t count) {
  MutexLock lock(mutex_);
  while (resumes_ < count) changed_.wait(mutex_);
}

void FakeTransport::AwaitNoneOpen() {
  MutexLock lock(mutex_);
  while (!open_.empty()) changed_.wait(mutex_);
}

std::uint64_t FakeTransport::cancels() const {
  const MutexLock lock(mutex_);
  return cancels_;
}

std::string FakeTransport::closed_idle_filter() const {
  const MutexLock lock(mutex_);
  return closed_idle_filter_;
}

std::uint32_t FakeTransport::CloseIdleConnections(const std::string& filter) {
  const MutexLock lock(mutex_);
  closed_idle_filter_ = filter;
  return 2;
}

std::uint32_t FakeTransport::active_round_trips() const {
  const MutexLock lock(mutex_);
  return static_cast<std::uint32_t>(open_.size());
}

void FakeTransport::Drain(std::function<void()> drained) {
  {
    const MutexLock lock(mutex_);
    draining_ = true;
    if (!open_.empty()) {
      drained_ = std::move(drained);
      return;
    }
  }
  drained();
}

void FakeTransport::Shutdown() {
  if (!thread_.joinable()) return;
  Post([this] {
    std::vector<std::shared_ptr<Exchange>> open;
    {
      const MutexLock lock(mutex_);
      for (const auto& [id, exchange] : open_) open.push_back(exchange);
      stop_ = true;
    }
    for (const auto& exchange : open) FailOpen(*exchange, Reason::kCancelled);
  });
  thread_.join();
}

}  // namespace spillway
