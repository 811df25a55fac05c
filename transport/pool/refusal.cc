#include "transport/pool/refusal.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace spillway {
namespace {

// `last_dial`: of the dial that failed last; null when it did not.
std::shared_ptr<const Failure> Make(Reason reason, Source source, std::string message,
                                    const Failure* last_dial = nullptr) {
  Failure failure;
  failure.reason = reason;
  failure.source = source;
  failure.phase = Phase::kQueue;
  failure.delivery = Delivery::kNotSent;
  failure.message = std::move(message);
  if (last_dial != nullptr) failure.retry_at = last_dial->retry_at;
  if (failure.message.size() > kMaxFailureMessage) failure.message.resize(kMaxFailureMessage);
  return std::make_shared<const Failure>(std::move(failure));
}

std::string Waited(std::string_view what, Duration waited, const Failure* last_dial) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(waited).count();
  std::string text(what);
  text += " in phase queue after " + std::to_string(ms) + " ms without a connection";
  if (last_dial != nullptr) {
    text += "; last dial failed: ";
    text += Label(last_dial->reason);
    if (!last_dial->message.empty()) text += ": " + last_dial->message;
  }
  return text;
}

}  // namespace

std::shared_ptr<const Failure> RefusedByFullQueue() {
  // Never destroyed: refusals may outlive main(). One value serves all, an overload makes many.
  static const auto& refusal = *new std::shared_ptr<const Failure>(
      Make(Reason::kPoolQueueFull, Source::kPool, "too many round trips wait for this origin"));
  return refusal;
}

std::shared_ptr<const Failure> RefusedByDrain() {
  static const auto& refusal = *new std::shared_ptr<const Failure>(
      Make(Reason::kDraining, Source::kPool, "the pool is draining"));
  return refusal;
}

std::shared_ptr<const Failure> RefusedByQueueTimeout(Duration waited, const Failure* last_dial) {
  return Make(Reason::kPoolQueueTimeout, Source::kPool,
              Waited("queue timeout passed", waited, last_dial), last_dial);
}

std::shared_ptr<const Failure> RefusedByDeadline(Duration waited, const Failure* last_dial) {
  return Make(Reason::kDeadlineExceeded, Source::kCaller,
              Waited("deadline passed", waited, last_dial), last_dial);
}

std::shared_ptr<const Failure> RefusedAsFruitless() {
  static const auto& refusal = *new std::shared_ptr<const Failure>([] {
    Failure failure;
    failure.reason = Reason::kConnectionTerminated;
    failure.source = Source::kOrigin;
    failure.phase = Phase::kConnect;
    failure.delivery = Delivery::kNotSent;
    failure.message = "the origin ended its last connections before it served a request on them";
    return std::make_shared<const Failure>(std::move(failure));
  }());
  return refusal;
}

}  // namespace spillway
