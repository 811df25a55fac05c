// One Stream call: the gRPC reactor and the transport's sink in one object.
//
// What it is: carries frames between gRPC and the transport as its StreamMachine says, which has
// all rules; this has the threads. Frames of the caller come on gRPC's threads, the body is pulled
// on the connection's, the response comes on its loop.
// What it owns: itself, from Start until gRPC says OnDone; frames on their way; its share of the
// admitted memory.
// Thread safety: one mutex serializes events; what they lead to is done without it.
// Invariants: nothing is asked of gRPC after Finish; Finish comes exactly once, after the
// exchange's OnEnd when there was one. Admission and the observer are told of the end.

#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/body_share.h"
#include "server/call_context.h"
#include "server/stream_body.h"
#include "server/stream_head_watch.h"
#include "server/stream_machine.h"
#include "server/stream_outbox.h"
#include "server/wire_stream_decode.h"
#include "transport/base/mutex.h"

namespace spillway {

class StreamCall final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                         public ResponseSink,
                         public std::enable_shared_from_this<StreamCall> {
 public:
  static constexpr std::string_view kMethod = "spillway.v1.Egress/Stream";

  static grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Start(
      const CallContext& context, grpc::CallbackServerContext& grpc_context);

  // Of gRPC.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Of the transport.
  void OnInformational(ResponseHead head) override;
  void OnProgress(const RoundTripRecord& so_far) override { progress_ = so_far; }
  void OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) override;
  Flow OnData(const Chunk& chunk) override;
  void OnOriginClosed() override;
  void OnTrailers(HeaderList trailers) override { trailers_ = std::move(trailers); }
  void OnEnd(const RoundTripRecord& record) override;

 private:
  using Todo = StreamMachine::Todo;

  // What an event leads to, once the mutex is free again.
  struct Steps {
    Todo todo;
    std::function<void()> ready;              // of the body
    std::shared_ptr<RoundTripHandle> handle;  // to cancel or to resume
    std::optional<ClientRequest> to_start;
    std::optional<std::uint64_t> watch;  // look in stall_ whether the caller took more than this
  };

  StreamCall(const CallContext& context, grpc::CallbackServerContext& grpc_context);

  void Begin();
  void AwaitHead();
  void OnHeadOverdue(Duration waited);
  // The event that `frame` is.
  void TakeFrame(WireStreamRequest frame);
  void TakeHead(WireRequest wire);
  void TakeTrailers(WireStreamRequest frame);
  void Fault(Failure failure);
  void OnTaken(std::uint64_t bytes, std::uint64_t weight);
  void OnProbeOver();
  // The caller had taken `frames` when the look was planned.
  void OnStallLook(std::uint64_t frames);

  // Does what `todo` asks that must stay in order; the rest is left to Run.
  Steps Prepare(Todo todo, const KeptBody& piece = {}, HeaderList trailers = {})
      SPILLWAY_REQUIRES(mu_);
  void Run(Steps steps);
  void StartExchange(ClientRequest request);
  void Read();
  void EndCall(bool with_frame);
  // Puts a frame before all data in the queue.
  void Queue(grpc::ByteBuffer frame);

  bool Hold(std::uint64_t bytes) SPILLWAY_REQUIRES(mu_);
  void LetGo(std::uint64_t bytes) SPILLWAY_REQUIRES(mu_);
  void CountBytes(std::uint64_t from_caller, std::uint64_t to_caller, bool last)
      SPILLWAY_REQUIRES(mu_);

  const RoundTripRecord* Told(const RoundTripRecord* record) const;
  // The call ends with `failure`, or well when it is null, and with record_.
  void Settle(const Failure* failure) SPILLWAY_REQUIRES(mu_);

  const CallContext& context_;
  grpc::CallbackServerContext& grpc_context_;
  AccessNote access_ SPILLWAY_GUARDED_BY(mu_);  // a cancel ends a call whose head is being read
  std::string tenant_;
  bool admitted_ = false;
  grpc::ByteBuffer incoming_;  // of the read under way
  grpc::ByteBuffer outgoing_;  // of the write under way

  // Set by the head frame, before the machine hears of it.
  ExchangeDetail detail_ = ExchangeDetail::kSummary;
  bool informational_ = false;
  TunnelKind tunnel_kind_ = TunnelKind::kUpgrade;
  Duration stall_ = kForever;  // the longest that the caller may take nothing of what waits

  // The sink's own.
  std::optional<RoundTripRecord> progress_;
  HeaderList trailers_;
  std::uint32_t response_status_ = 0;
  bool tunnel_ = false;
  bool told_end_ = false;  // the trailers frame is on its way

  Mutex mu_;
  StreamMachine machine_ SPILLWAY_GUARDED_BY(mu_);
  StreamOutbox outbox_ SPILLWAY_GUARDED_BY(mu_);
  std::uint64_t writing_bytes_ SPILLWAY_GUARDED_BY(mu_) = 0;  // weight of outgoing_
  std::uint64_t taken_frames_ SPILLWAY_GUARDED_BY(mu_) = 0;
  bool watched_ SPILLWAY_GUARDED_BY(mu_) = false;  // a look is planned
  std::shared_ptr<StreamBody> body_ SPILLWAY_GUARDED_BY(mu_);
  std::optional<ClientRequest> request_ SPILLWAY_GUARDED_BY(mu_);  // until it is started
  HeaderList request_trailers_ SPILLWAY_GUARDED_BY(mu_);           // until the half-close
  std::shared_ptr<RoundTripHandle> handle_ SPILLWAY_GUARDED_BY(mu_);
  bool cancel_wanted_ SPILLWAY_GUARDED_BY(mu_) = false;  // before there was a handle
  bool resume_wanted_ SPILLWAY_GUARDED_BY(mu_) = false;
  std::uint64_t held_ SPILLWAY_GUARDED_BY(mu_) = 0;         // admitted bytes
  std::uint64_t from_caller_ SPILLWAY_GUARDED_BY(mu_) = 0;  // not yet told the observer
  std::uint64_t to_caller_ SPILLWAY_GUARDED_BY(mu_) = 0;
  std::optional<StreamHeadWatch::Ticket> head_ticket_ SPILLWAY_GUARDED_BY(mu_);
  bool done_ SPILLWAY_GUARDED_BY(mu_) = false;
  grpc::Status status_ SPILLWAY_GUARDED_BY(mu_);
  std::optional<Failure> failure_ SPILLWAY_GUARDED_BY(mu_);  // that status_ tells of
  // Of the exchange that is over; kept for the access log while frames wait.
  const RoundTripRecord* record_ SPILLWAY_GUARDED_BY(mu_) = nullptr;
  std::optional<RoundTripRecord> kept_record_ SPILLWAY_GUARDED_BY(mu_);
  CallOutcome outcome_ SPILLWAY_GUARDED_BY(mu_) = CallOutcome::kFailed;

  // A read that was decided on must not reach gRPC once Finish has.
  Mutex issue_mu_;
  bool finish_issued_ SPILLWAY_GUARDED_BY(issue_mu_) = false;

  std::shared_ptr<StreamCall> self_;  // until OnDone
};

}  // namespace spillway
