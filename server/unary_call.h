// One RoundTrip call: the gRPC reactor and the transport's sink in one object.
//
// What it is: decodes and maps the request, starts the round trip on gRPC's own thread, collects
// the response and finishes the call on whatever thread ended it: no thread hop of ours.
// What it owns: itself, from Start until gRPC says OnDone; the response so far.
// Thread safety: gRPC and the transport call it from their threads; nothing is shared between the
// two sides but the handle, which becomes visible to both when Transport::Start has returned.
// Invariants: Finish is called exactly once: from Start when the request is refused, else from
// OnEnd. Admission and the observer are told of the end before Finish.

#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>

#include "server/call_context.h"
#include "server/collector.h"

namespace spillway {

class UnaryCall final : public grpc::ServerUnaryReactor, public Collector {
 public:
  static constexpr std::string_view kMethod = "spillway.v1.Egress/RoundTrip";

  static grpc::ServerUnaryReactor* Start(const CallContext& context,
                                         const grpc::CallbackServerContext& grpc_context,
                                         const grpc::ByteBuffer& request,
                                         grpc::ByteBuffer& response);

  // Of the transport.
  void OnEnd(const RoundTripRecord& record) override;
  // Of gRPC.
  void OnCancel() override;
  void OnDone() override;

 private:
  // Finish is called on the thread that ended the exchange, which is none of gRPC's. Unless a
  // reactor says that its reactions are trivial, gRPC then hands OnDone to an executor thread: a
  // wake-up per call for one reset of a pointer.
  bool InternalInlineable() override { return true; }

  UnaryCall(const CallContext& context, std::uint64_t request_bytes, grpc::ByteBuffer& response);

  void Begin(const grpc::CallbackServerContext& grpc_context, const grpc::ByteBuffer& request);
  void OnMemoryExhausted() override;
  void Cancel();
  // Ends a call that never reached the transport.
  void Refuse(const Failure& failure);
  void End(const grpc::Status& status, CallOutcome outcome);
  void EncodeResponse(const RoundTripRecord& record);

  const CallContext& context_;
  grpc::ByteBuffer& response_;
  AccessNote access_;
  ExchangeDetail detail_ = ExchangeDetail::kSummary;
  bool admitted_ = false;
  std::string tenant_;
  CallOutcome outcome_ = CallOutcome::kFailed;
  std::shared_ptr<RoundTripHandle> handle_;
  std::atomic<RoundTripHandle*> cancellable_{nullptr};  // handle_, once it is set
  std::shared_ptr<UnaryCall> self_;                     // until OnDone
};

}  // namespace spillway
