// One call of a Multiplex stream: collects the response and encodes the result.
//
// What it is: the transport's sink of one call. It tells its stream the result, encoded, on
// whatever thread ended the exchange; when the call is refused, on the one that read it.
// What it owns: the response so far; a share of its stream.
// Thread safety: as ResponseSink; `guarded` belongs to the stream and its lock.
// Invariants: the stream hears of exactly one result.

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/admission.h"
#include "server/call_context.h"
#include "server/collector.h"
#include "server/multiplex_machine.h"
#include "server/wire_decode.h"
#include "server/wire_multiplex_encode.h"

namespace spillway {

class MultiplexExchange;

// What a call knows of its stream.
class MultiplexOwner {
 public:
  virtual ~MultiplexOwner() = default;
  virtual const CallContext& context() const = 0;
  virtual const std::string& tenant() const = 0;
  virtual Instant deadline() const = 0;  // of the RPC; kNever when there is none
  // The call is over; `result` may be taken apart. No outcome: it was not admitted.
  virtual void OnResult(MultiplexExchange& exchange, EncodedResult& result,
                        std::optional<CallOutcome> outcome) = 0;
  // The rest of the response is of no use any more.
  virtual void Abandon(MultiplexExchange& exchange) = 0;
};

class MultiplexExchange final : public Collector,
                                public MultiplexMachine::Member,
                                public std::enable_shared_from_this<MultiplexExchange> {
 public:
  // Of the stream, under its lock.
  struct Guarded {
    bool in_flight = false;
    bool ended = false;
    std::shared_ptr<RoundTripHandle> handle;  // until it ended
  };

  // `request_bytes`: what the request holds in memory.
  MultiplexExchange(std::shared_ptr<MultiplexOwner> owner, std::uint64_t call_id,
                    std::uint64_t request_bytes);

  // Starts the round trip. Null when it was refused, and the stream heard of that. `counted` of
  // what the request holds counts in Admission already; it is the call's once admitted().
  std::shared_ptr<RoundTripHandle> Begin(WireRequest request, std::uint64_t counted);
  // Ends a call that never reached the transport.
  void Refuse(const Failure& failure);

  void OnEnd(const RoundTripRecord& record) override;

  std::uint64_t held() const { return held_bytes(); }
  // Known when Begin has returned.
  bool admitted() const { return admitted_; }

  Guarded guarded;

 private:
  void OnMemoryExhausted() override;
  void EndWith(const Failure& failure, const RoundTripRecord* record);

  const std::shared_ptr<MultiplexOwner> owner_;
  const CallContext& context_;
  AccessNote access_;
  ExchangeDetail detail_ = ExchangeDetail::kNone;
  bool admitted_ = false;
};

}  // namespace spillway
