#include "tests/transport/http2/connection_driver.h"

#include <chrono>
#include <future>
#include <utility>

#include "transport/base/check.h"
#include "transport/io/plain_stream.h"

namespace spillway {
namespace {

constexpr std::chrono::seconds kPatience{20};

}  // namespace

HeardExchange::HeardExchange(std::string_view method) {
  request.method = method;
  request.url = {"http", "origin.test", 80, HostKind::kName, "/"};
}

void HeardExchange::OnInformational(ResponseHead given) {
  const std::scoped_lock lock(mu_);
  informational.push_back(given.status);
  changed_.notify_all();
}

Flow HeardExchange::OnHead(ResponseHead given, BodyKind given_kind, std::uint64_t) {
  const std::scoped_lock lock(mu_);
  SPILLWAY_CHECK(!head_seen_ && !done_);
  head_seen_ = true;
  head = std::move(given);
  kind = given_kind;
  changed_.notify_all();
  return Flow::kContinue;
}

Flow HeardExchange::OnData(const Chunk& chunk) {
  const std::scoped_lock lock(mu_);
  SPILLWAY_CHECK(head_seen_ && !done_);
  if (chunk.owner != nullptr) kept.emplace_back(body_.size(), chunk);
  body_ += chunk.bytes;
  changed_.notify_all();
  return on_data ? on_data(body_.size()) : Flow::kContinue;
}

void HeardExchange::OnOriginClosed() {
  const std::scoped_lock lock(mu_);
  SPILLWAY_CHECK(kind == BodyKind::kTunnel && !origin_closed_ && !done_);
  origin_closed_ = true;
  changed_.notify_all();
}

void HeardExchange::OnExchangeDone(ExchangeResult given) {
  if (on_done) on_done();
  const std::scoped_lock lock(mu_);
  SPILLWAY_CHECK(!done_);
  done_ = true;
  result_ = std::move(given);
  changed_.notify_all();
}

bool HeardExchange::Await(const std::function<bool()>& condition) {
  std::unique_lock lock(mu_);
  return changed_.wait_for(lock, kPatience, condition);
}

bool HeardExchange::AwaitDone() {
  return Await([this] { return done_; });
}
bool HeardExchange::AwaitHead() {
  return Await([this] { return head_seen_; });
}
bool HeardExchange::AwaitBody(std::size_t bytes) {
  return Await([this, bytes] { return body_.size() >= bytes; });
}
bool HeardExchange::AwaitOriginClosed() {
  return Await([this] { return origin_closed_; });
}
bool HeardExchange::AwaitInformational() {
  return Await([this] { return !informational.empty(); });
}

std::string HeardExchange::outcome() {
  const std::scoped_lock lock(mu_);
  if (!done_) return "running";
  return result_.failure ? std::string(Label(result_.failure->reason)) : "";
}

std::string HeardExchange::body() {
  const std::scoped_lock lock(mu_);
  return body_;
}

ConnectionDriver::ConnectionDriver(const Http2Limits& limits, std::uint32_t max_streams,
                                   bool small_buffers)
    : loop_(0, nullptr) {
  int near = -1;
  peer_ = std::make_unique<WirePeer>(near, small_buffers);
  asio::ip::tcp::socket socket(loop_.context(), asio::ip::tcp::v4(), near);
  connection_ = std::make_shared<Http2Connection>(
      loop_, std::move(socket), std::make_unique<PlainStream>(near), limits, max_streams);
  loop_.Start();
  ConnectionEvents events;
  events.closed = [this](const ConnectionEnd& end) {
    const std::scoped_lock lock(mu_);
    SPILLWAY_CHECK_NOTE(!end_, "closed is told once");
    end_ = end;
    changed_.notify_all();
  };
  events.capacity = [this](std::uint32_t capacity) {
    const std::scoped_lock lock(mu_);
    SPILLWAY_CHECK(!end_);
    capacities_.push_back(capacity);
    changed_.notify_all();
  };
  events.going_away = [this] {
    const std::scoped_lock lock(mu_);
    SPILLWAY_CHECK(!end_ && !going_away_);
    going_away_ = true;
    changed_.notify_all();
  };
  loop_.Post([this, events = std::move(events)] { connection_->Open(events); });
}

ConnectionDriver::~ConnectionDriver() {
  connection_->Close(CloseReason::kDrain);
  loop_.Stop();
  connection_.reset();
}

std::shared_ptr<HeardExchange> ConnectionDriver::Start(std::shared_ptr<HeardExchange> handler,
                                                       std::shared_ptr<BodySource> body,
                                                       const ExchangeLimits& limits) {
  ExchangeSpec spec;
  spec.body = std::move(body);
  spec.limits = limits;
  return Run(std::move(handler), std::move(spec));
}

std::shared_ptr<HeardExchange> ConnectionDriver::Run(std::shared_ptr<HeardExchange> handler,
                                                     ExchangeSpec spec) {
  spec.head = &handler->request;
  spec.response_limits = &handler->limits;
  SPILLWAY_CHECK(connection_->Start(std::move(spec), handler, next_token_++) ==
                 StartResult::kStarted);
  return handler;
}

void ConnectionDriver::Abort(std::uint64_t token) {
  connection_->Abort(token, Failure{Reason::kCancelled, Source::kCaller, Phase::kNone,
                                    Delivery::kNotSent, "cancelled by the caller"});
}

void ConnectionDriver::WhileHeld(const std::function<void()>& during) {
  Settle();
  std::promise<void> held;
  std::promise<void> go;
  loop_.Post([&held, waiting = go.get_future().share()] {
    held.set_value();
    waiting.wait();
  });
  held.get_future().wait();
  during();
  go.set_value();
}

void ConnectionDriver::Settle() {
  // Twice: what was posted may have posted the flush.
  for (int i = 0; i < 2; ++i) {
    std::promise<void> done;
    loop_.Post([&done] { done.set_value(); });
    done.get_future().wait();
  }
}

bool ConnectionDriver::Await(const std::function<bool()>& condition) {
  std::unique_lock lock(mu_);
  return changed_.wait_for(lock, kPatience, condition);
}

bool ConnectionDriver::AwaitClosed() {
  return Await([this] { return end_.has_value(); });
}

CloseReason ConnectionDriver::closed_for() {
  const std::scoped_lock lock(mu_);
  return end_->reason;
}

bool ConnectionDriver::AwaitCapacity(std::uint32_t capacity) {
  return Await([this, capacity] { return !capacities_.empty() && capacities_.back() == capacity; });
}

bool ConnectionDriver::AwaitGoingAway() {
  return Await([this] { return going_away_; });
}

}  // namespace spillway
