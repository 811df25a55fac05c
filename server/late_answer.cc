#include "server/late_answer.h"

#include <utility>

#include "server/status_map.h"

namespace spillway {

std::shared_ptr<LateAnswer> LateAnswer::Start(CallObserver& observer, std::string_view method) {
  std::shared_ptr<LateAnswer> call(new LateAnswer(observer, method));
  call->self_ = call;
  observer.OnCallStarted(method);
  return call;
}

void LateAnswer::Answer(const std::function<grpc::Status()>& fill) {
  const MutexLock lock(mu_);
  if (std::exchange(ended_, true)) return;
  const grpc::Status status = fill();
  observer_.OnCallEnded(method_, StatusCodeName(status.error_code()), Duration::zero());
  Finish(status);
}

void LateAnswer::OnCancel() {
  Answer([] { return grpc::Status(grpc::StatusCode::CANCELLED, "cancelled"); });
}

void LateAnswer::OnDone() {
  // The lock of whoever called Finish must be free before the last reference goes.
  std::shared_ptr<LateAnswer> self = std::move(self_);
  const MutexLock lock(mu_);
}

}  // namespace spillway
