// One request through a Transport, waited for.

#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "transport/base/buffered_body.h"
#include "transport/transport.h"

namespace spillway {

// Collects what a round trip delivers; Wait() blocks until its end.
class WaitingSink final : public ResponseSink {
 public:
  void OnInformational(ResponseHead) override {
    const std::lock_guard lock(mu_);
    ++informational;
    changed_.notify_all();
  }
  void OnHead(ResponseHead given, BodyKind as, std::uint64_t) override {
    const std::lock_guard lock(mu_);
    head = std::move(given);
    kind = as;
    head_seen_ = true;
    changed_.notify_all();
  }
  Flow OnData(const Chunk& chunk) override {
    const std::lock_guard lock(mu_);
    body += chunk.bytes;
    changed_.notify_all();
    return flow;
  }
  void OnOriginClosed() override {
    const std::lock_guard lock(mu_);
    ++origin_closed;
    changed_.notify_all();
  }
  void OnTrailers(HeaderList given) override { trailers = std::move(given); }
  void OnEnd(const RoundTripRecord& given) override {
    const std::lock_guard lock(mu_);
    record = given;
    ++ends;
    changed_.notify_all();
  }

  const RoundTripRecord& Wait() {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [this] { return ends > 0; });
    return *record;
  }
  bool Ended() {
    const std::lock_guard lock(mu_);
    return ends > 0;
  }
  void WaitForHead() {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [this] { return head_seen_; });
  }

  void WaitForBody(std::string_view expected) {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [&] { return body == expected || ends > 0; });
  }
  void WaitForOriginClosed() {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [this] { return origin_closed > 0 || ends > 0; });
  }

  ResponseHead head;
  BodyKind kind = BodyKind::kNone;
  int origin_closed = 0;
  std::string body;
  HeaderList trailers;
  int informational = 0;
  int ends = 0;
  Flow flow = Flow::kContinue;
  std::optional<RoundTripRecord> record;

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  bool head_seen_ = false;
};

inline Request Get(std::string url) {
  Request request;
  request.url = std::move(url);
  return request;
}

inline Request Post(std::string url, std::string body) {
  Request request = Get(std::move(url));
  request.method = "POST";
  request.body = std::make_unique<BufferedBody>(Body::Of(std::move(body)));
  return request;
}

inline std::shared_ptr<WaitingSink> Do(Transport& transport, Request request) {
  auto sink = std::make_shared<WaitingSink>();
  transport.Start(std::move(request), sink);
  sink->Wait();
  return sink;
}

inline std::shared_ptr<const Policy> PolicyOf(Destination fallback) {
  return *Policy::Build(1, {}, std::move(fallback), RequestFieldLimits());
}

inline std::unique_ptr<Transport> MakeTransport(TransportOptions options = {}) {
  if (options.policy == nullptr) options.policy = PolicyOf(Destination());
  return Transport::Create(std::move(options));
}

}  // namespace spillway
