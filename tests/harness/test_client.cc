#include "tests/harness/test_client.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "tests/harness/await.h"
#include "tests/harness/test_body.h"

namespace spillway {
namespace {

TestClient::Options OneLoop() {
  TestClient::Options options;
  options.limits.loops = 1;
  return options;
}

}  // namespace

Story Call::Finish() const {
  sink->AwaitEnd();
  return sink->story();
}

std::shared_ptr<const Policy> PolicyWith(Destination fallback) {
  auto policy = Policy::Build(1, {}, std::move(fallback), RequestFieldLimits());
  if (!policy.has_value()) std::abort();  // a mistake in the test itself
  return *policy;
}

TestClient::TestClient() : TestClient(OneLoop()) {}

TestClient::TestClient(Options options) : observer_(std::make_shared<CountingObserver>()) {
  TransportOptions given;
  given.limits = options.limits;
  if (given.limits.loops == 0) given.limits.loops = 1;
  if (given.limits.max_connections == 0) given.limits.max_connections = 2000;
  given.policy = PolicyWith(std::move(options.destination));
  given.observer = observer_;
  given.address_allowed = std::move(options.address_allowed);
  given.lookup = std::move(options.lookup);
  transport_ = Transport::Create(std::move(given));
}

TestClient::~TestClient() { transport_->Shutdown(); }

Call TestClient::Start(Request request, CollectingSink::Options sink) {
  Call call;
  call.sink = std::make_shared<CollectingSink>(sink);
  call.handle = transport_->Start(std::move(request), call.sink);
  return call;
}

Call TestClient::Get(const std::string& url) {
  Request request;
  request.url = url;
  return Start(std::move(request));
}

Call TestClient::Post(const std::string& url, std::string body) {
  Request request;
  request.method = "POST";
  request.url = url;
  request.body = MemoryBody(std::move(body));
  return Start(std::move(request));
}

std::uint64_t TestClient::Level(std::uint32_t HostPoolSnapshot::*level) const {
  std::uint64_t sum = 0;
  for (const PoolSnapshot& pool : transport_->Snapshot()) sum += pool.state.*level;
  return sum;
}

bool TestClient::AwaitNoBackoff() const {
  return AwaitThat([this] {
    const auto pools = transport_->Snapshot();
    return std::none_of(pools.begin(), pools.end(),
                        [](const PoolSnapshot& pool) { return pool.state.backing_off; });
  });
}

bool TestClient::AwaitLevel(std::uint32_t HostPoolSnapshot::*level, std::uint64_t wanted) const {
  return AwaitThat([&] { return Level(level) == wanted; });
}

}  // namespace spillway
