// A Transport without sockets: a test says what becomes of each round trip.
//
// What it is: keeps to the contract of transport/transport.h (one OnEnd, calls of one sink never
// overlap and come from a thread of the transport's own, or from Start for a refusal) and checks
// that its user does. Round trips that the test's Script leaves open are held until the test ends
// them, they are cancelled, or their deadline passes.
// Thread safety: every function may be called from any thread.

#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "transport/base/mutex.h"
#include "transport/transport.h"

namespace spillway {

class FakeTransport final : public Transport {
 public:
  // What a test sees of one round trip, on the transport's thread.
  class Exchange {
   public:
    Exchange(FakeTransport& transport, std::uint64_t id, Request request,
             std::shared_ptr<ResponseSink> sink)
        : transport_(transport), id_(id), request_(std::move(request)), sink_(std::move(sink)) {}

    std::uint64_t id() const { return id_; }
    Request& request() { return request_; }
    std::string body() const;
    bool cancelled() const { return cancelled_; }

    void Informational(std::uint32_t status);
    void Head(std::uint32_t status, HeaderList headers, BodyKind kind = BodyKind::kNone,
              std::uint64_t length = 0);
    // Tells what is known so far, as comes right before a head.
    void Progress() { sink_->OnProgress(record_); }
    Flow Data(const Chunk& chunk) { return sink_->OnData(chunk); }
    void OriginClosed() { sink_->OnOriginClosed(); }
    // Reads the request body as a connection does: appends to `into` until nothing is left for
    // now. When the body has more to say later, `again` runs on the transport's thread.
    BodySource::Status Pull(std::string& into, std::function<void(Exchange&)> again = nullptr);
    void Trailers(HeaderList trailers) { sink_->OnTrailers(std::move(trailers)); }
    // Ends it well, or with `failure`. Afterwards the exchange is gone.
    void End();
    void Fail(Failure failure);
    RoundTripRecord& record() { return record_; }

   private:
    friend class FakeTransport;
    FakeTransport& transport_;
    const std::uint64_t id_;
    Request request_;
    std::shared_ptr<ResponseSink> sink_;
    RoundTripRecord record_;
    bool cancelled_ = false;
    bool ended_ = false;
  };

  // Runs for every round trip; may end it or leave it open.
  using Script = std::function<void(Exchange&)>;

  explicit FakeTransport(Script script);
  ~FakeTransport() override;

  // Runs `what` for the exchange on the transport's thread, unless it has ended.
  void With(std::uint64_t id, std::function<void(Exchange&)> what);
  // Waits until `count` round trips were started in all.
  void AwaitStarted(std::uint64_t count);
  // Waits until none is open.
  void AwaitNoneOpen();
  std::uint64_t cancels() const;
  // From now on what RunAfter is given waits for RunHeld, or the end, and not for its time.
  void HoldTimers();
  // Runs what waits, on the transport's thread; returns how many functions these were.
  std::size_t RunHeld();
  // Waits until Resume was called `count` times in all.
  void AwaitResumes(std::uint64_t count);
  std::vector<PoolSnapshot> snapshot;  // what Snapshot answers; set before use
  std::string closed_idle_filter() const;
  Explanation explanation;                         // what Explain answers; set before use
  std::pair<std::string, std::string> explained_;  // URL and tenant of the last Explain

  std::shared_ptr<RoundTripHandle> Start(Request request,
                                         std::shared_ptr<ResponseSink> sink) override;
  // Answers `explanation`, on the transport's thread.
  void Explain(const std::string& url, const std::string& tenant,
               std::function<void(Explanation)> explained) override;
  Instant Now() const override;
  void RunAfter(Duration delay, std::function<void()> function) override;
  std::shared_ptr<const Policy> policy() const override;
  void SetPolicy(std::shared_ptr<const Policy> policy) override;
  TlsContextCounts tls_contexts() override { return {}; }
  std::vector<PoolSnapshot> Snapshot() const override { return snapshot; }
  std::uint32_t CloseIdleConnections(const std::string& filter) override;
  std::uint32_t connection_count() const override { return 3; }
  std::uint32_t connection_limit() const override { return 100; }
  std::uint32_t active_round_trips() const override;
  void Drain(std::function<void()> drained) override;
  void Shutdown() override;

 private:
  class Handle;
  using Task = std::function<void()>;

  void Post(Task task);
  void Run();
  void Cancel(std::uint64_t id);
  void Resume();
  void FailOpen(Exchange& exchange, Reason reason);
  void Ended(Exchange& exchange);
  // On the thread: fails what is due; returns when to look again.
  Instant FailExpired();
  // On the thread: runs what is due of RunAfter; returns when to look again.
  Instant RunDelayed();

  const Script script_;
  mutable Mutex mutex_;
  std::shared_ptr<const Policy> policy_ SPILLWAY_GUARDED_BY(mutex_) = *Policy::Build(1, {}, {}, {});
  std::condition_variable_any changed_;
  std::deque<Task> tasks_ SPILLWAY_GUARDED_BY(mutex_);
  std::map<std::uint64_t, std::shared_ptr<Exchange>> open_ SPILLWAY_GUARDED_BY(mutex_);
  std::multimap<Instant, Task> delayed_ SPILLWAY_GUARDED_BY(mutex_);
  std::uint64_t started_ SPILLWAY_GUARDED_BY(mutex_) = 0;
  std::uint64_t cancels_ SPILLWAY_GUARDED_BY(mutex_) = 0;
  std::uint64_t resumes_ SPILLWAY_GUARDED_BY(mutex_) = 0;
  bool draining_ SPILLWAY_GUARDED_BY(mutex_) = false;
  bool stop_ SPILLWAY_GUARDED_BY(mutex_) = false;
  bool hold_ SPILLWAY_GUARDED_BY(mutex_) = false;  // delayed_
  std::string closed_idle_filter_ SPILLWAY_GUARDED_BY(mutex_);
  std::function<void()> drained_ SPILLWAY_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace spillway
