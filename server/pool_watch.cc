#include "server/pool_watch.h"

#include <chrono>
#include <utility>

namespace spillway {
namespace {

constexpr std::string_view kMethod = "spillway.v1.Admin/WatchPools";

}  // namespace

PoolWatch* PoolWatch::Start(CallObserver& observer, const grpc::Status& refusal, Duration interval,
                            Fill fill) {
  auto* watch = new PoolWatch(observer, interval, std::move(fill));
  if (refusal.ok()) {
    watch->Write();
  } else {
    watch->End(refusal);
  }
  return watch;
}

PoolWatch::PoolWatch(CallObserver& observer, Duration interval, Fill fill)
    : observer_(observer), interval_(interval), fill_(std::move(fill)) {
  observer_.OnCallStarted(kMethod);
}

void PoolWatch::Write() {
  response_.Clear();
  fill_(response_);
  StartWrite(&response_);
}

void PoolWatch::OnWriteDone(bool ok) {
  if (ok) {
    const MutexLock lock(mutex_);
    if (!cancelled_) {
      alarm_.Set(std::chrono::system_clock::now() +
                     std::chrono::duration_cast<std::chrono::system_clock::duration>(interval_),
                 [this](bool due) { due ? Write() : End(grpc::Status::CANCELLED); });
      return;
    }
  }
  End(grpc::Status::CANCELLED);
}

void PoolWatch::OnCancel() {
  const MutexLock lock(mutex_);
  cancelled_ = true;
  alarm_.Cancel();
}

void PoolWatch::End(const grpc::Status& status) {
  observer_.OnCallEnded(kMethod, StatusCodeName(status.error_code()), Duration::zero());
  Finish(status);
}

}  // namespace spillway
