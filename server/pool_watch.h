// One WatchPools call: an answer now and one every interval until the caller goes away.
//
// What it owns: itself, from Start until gRPC says OnDone; a gRPC alarm between answers.
// Thread safety: gRPC calls it from its threads.
// Invariants: a write or an alarm is outstanding until Finish; Finish is called once.

#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <functional>

#include "server/call_observer.h"
#include "spillway/v1/admin.pb.h"
#include "transport/base/mutex.h"

namespace spillway {

class PoolWatch final : public grpc::ServerWriteReactor<v1::WatchPoolsResponse> {
 public:
  using Fill = std::function<void(v1::WatchPoolsResponse&)>;

  // Not OK `refusal`: the call ends with it at once.
  static PoolWatch* Start(CallObserver& observer, const grpc::Status& refusal, Duration interval,
                          Fill fill);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  PoolWatch(CallObserver& observer, Duration interval, Fill fill);

  void Write();
  void End(const grpc::Status& status);

  CallObserver& observer_;
  const Duration interval_;
  const Fill fill_;
  v1::WatchPoolsResponse response_;
  Mutex mutex_;
  bool cancelled_ SPILLWAY_GUARDED_BY(mutex_) = false;
  grpc::Alarm alarm_ SPILLWAY_GUARDED_BY(mutex_);
};

}  // namespace spillway
