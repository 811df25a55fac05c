// A unary call whose answer comes later, from another thread.
//
// What it is: a reactor that ends the call exactly once: with the answer, or as cancelled, when the
// caller went away or the server ends before there is one.
// What it owns: itself, until gRPC is done with it and nobody holds it any more.
// Thread safety: Answer from any thread.
// Invariants: the response is written only while the call is open.

#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string_view>

#include "server/call_observer.h"
#include "transport/base/mutex.h"

namespace spillway {

class LateAnswer final : public grpc::ServerUnaryReactor {
 public:
  // `method` is a constant. The reactor to return to gRPC is the pointer's.
  static std::shared_ptr<LateAnswer> Start(CallObserver& observer, std::string_view method);

  // Ends the call with what `fill` returns, which may write the response; when the call has ended
  // already, nothing happens.
  void Answer(const std::function<grpc::Status()>& fill);

 private:
  LateAnswer(CallObserver& observer, std::string_view method)
      : observer_(observer), method_(method) {}

  void OnCancel() override;
  void OnDone() override;

  CallObserver& observer_;
  const std::string_view method_;
  Mutex mu_;
  bool ended_ SPILLWAY_GUARDED_BY(mu_) = false;
  std::shared_ptr<LateAnswer> self_;  // until OnDone
};

}  // namespace spillway
