// One Multiplex call: the gRPC reactor of a stream of calls and results.
//
// What it is: reads messages and starts their calls on gRPC's own threads; takes results, encoded,
// from whatever threads end them; and writes what is ready as one message. A result that finds
// nothing being written is written at the end of the event loop's turn, with what else that turn
// had ready: no timer, no wait.
// What it owns: itself, until gRPC says OnDone and the last exchange is gone; results that wait.
// Thread safety: gRPC and the transport call it from their threads; one lock guards the machine and
// what waits, and is held neither while encoding nor while calling gRPC or the transport.
// Invariants: those of MultiplexMachine; Finish is called exactly once, when no call is in flight
// and neither a read nor a write is outstanding; a call counts in Admission until its result was
// written or dropped, because a drain waits for the results as well; a message counts while it is
// handled, once: by itself, or with the call that keeps it for its body, and no call keeps it for
// the sake of less. One that does not count is not kept while results wait to be read. A caller
// that takes no result for policy's caller_stall is given up.

#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/call_context.h"
#include "server/multiplex_exchange.h"
#include "server/multiplex_machine.h"
#include "server/wire_multiplex_decode.h"
#include "transport/base/mutex.h"

namespace spillway {

class MultiplexCall final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public MultiplexOwner,
                            public std::enable_shared_from_this<MultiplexCall> {
 public:
  static constexpr std::string_view kMethod = "spillway.v1.Egress/Multiplex";

  // The reactor to return to gRPC. `context` must outlive the gRPC server.
  static MultiplexCall* Start(const CallContext& context,
                              const grpc::CallbackServerContext& grpc_context,
                              const MultiplexLimits& limits = {});

  // Of gRPC.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Of the exchanges.
  const CallContext& context() const override { return context_; }
  const std::string& tenant() const override { return tenant_; }
  Instant deadline() const override { return deadline_; }
  void OnResult(MultiplexExchange& exchange, EncodedResult& result,
                std::optional<CallOutcome> outcome) override;
  void Abandon(MultiplexExchange& exchange) override;

 private:
  // What is left to do, without the lock, when the caller is gone.
  struct Parting;
  // Results that go out together.
  struct Outgoing {
    ResultMessage message;
    std::size_t results = 0;
    EndedCalls calls;
  };
  using Handles = std::vector<std::shared_ptr<RoundTripHandle>>;

  MultiplexCall(const CallContext& context, const grpc::CallbackServerContext& grpc_context,
                const MultiplexLimits& limits);

  // Goes through the message as far as results are read, and then asks for the next.
  void Handle();
  // Whether the message counts in Admission. If not, there is no room for it.
  bool CountMessage();
  // The message is handled, or of no use any more.
  void DropMessage();
  // One item of the message. False when there are no more, or none that matter.
  bool HandleItem();
  void StartCall(WireCall call);
  void CancelCall(std::uint64_t id);
  // Ends the stream because of what its caller sent.
  void EndBadly(const Failure& failure);
  // The handles of everything in flight that was not cancelled yet.
  Handles TakeAllToCancel() SPILLWAY_REQUIRES(mu_);
  void Gone();
  Parting Part(grpc::Status status) SPILLWAY_REQUIRES(mu_);
  void See(Parting parting);
  // A write is under way: notes what a later look compares with. True: PlanLook is due, which sees
  // to it that there is one.
  bool Watch() SPILLWAY_REQUIRES(mu_);
  void PlanLook();
  // Whether the caller took anything since.
  void OnStallLook();
  // Writes what waits, unless something is being written or more is coming right now.
  void Flush();
  void OnTurnEnded();
  void ReadOn();
  void MaybeFinish();

  const CallContext& context_;
  const grpc::CallbackServerContext& grpc_context_;  // until OnDone
  const Instant started_;
  Instant deadline_ = kNever;
  std::string tenant_;

  // Of the thread that handles the message.
  grpc::ByteBuffer incoming_;
  std::optional<MultiplexReader> reader_;
  std::size_t calls_read_ = 0;  // of this message
  std::uint64_t counted_ = 0;   // of this message, in Admission; 0 too once a call counts it
  bool no_room_ = false;        // for this message: its calls are refused

  grpc::ByteBuffer outgoing_;  // being written

  Mutex mu_;
  MultiplexMachine machine_ SPILLWAY_GUARDED_BY(mu_);
  std::deque<Outgoing> messages_ SPILLWAY_GUARDED_BY(mu_);   // as the machine has them
  Outgoing spare_ SPILLWAY_GUARDED_BY(mu_);                  // its memory is used again
  EndedCalls writing_ SPILLWAY_GUARDED_BY(mu_);              // in the message being written
  bool flush_due_ SPILLWAY_GUARDED_BY(mu_) = false;          // at the end of a loop's turn
  bool watched_ SPILLWAY_GUARDED_BY(mu_) = false;            // a look is planned
  std::uint64_t seen_written_ SPILLWAY_GUARDED_BY(mu_) = 0;  // messages, when it was planned
  bool paused_ SPILLWAY_GUARDED_BY(mu_) = false;  // amidst a message, until results were read
  grpc::Status status_ SPILLWAY_GUARDED_BY(mu_);  // to finish with
  std::shared_ptr<MultiplexCall> self_;           // until OnDone
};

}  // namespace spillway
