// One request with its redirects: a round trip of the transport for each hop, told as one.
//
// What it is: the sink of every hop and the handle that the caller has. It decides at each head
// whether another hop follows, keeps cookies, undoes a content coding, and adds up the records.
// What it owns: the request as it stands, the record so far, the decoder of the last hop.
// Thread safety: Cancel and Resume from any thread. Hops come one after another, and the calls of
// one never overlap; only decoding that a pause interrupted goes on beside them, and `pumping_`
// says which of the two may touch the body. Invariants: one hop at a time; one OnEnd; a cancel
// between two hops starts no other.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "transport/base/mutex.h"
#include "transport/client/content_decoder.h"
#include "transport/client/cookie_jars.h"
#include "transport/client/http_client.h"
#include "transport/client/redirect.h"
#include "transport/client/redirect_body.h"
#include "transport/response_sink.h"
#include "transport/transport.h"

namespace spillway {

struct ClientServices {
  Transport& transport;
  CookieJars& jars;
  const std::function<WallTime()>& wall_clock;
};

class ClientChain final : public ResponseSink,
                          public RoundTripHandle,
                          public std::enable_shared_from_this<ClientChain> {
 public:
  // Of a redirect's own body, so that its connection can be used again (C7); beyond either it is
  // given up.
  static constexpr std::uint64_t kMaxDrainedBytes = 2048;
  static constexpr Duration kMaxDrainTime = milliseconds(50);

  // `url` is that of `request`.
  ClientChain(ClientServices services, ClientRequest request, Url url,
              std::shared_ptr<ResponseSink> sink);

  void Start() { StartHop(); }

  void Cancel() override;
  void Resume() override;

  void OnInformational(ResponseHead head) override;
  void OnProgress(const RoundTripRecord& so_far) override;
  void OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) override;
  Flow OnData(const Chunk& chunk) override;
  std::optional<Failure> refusal() const override;
  void OnOriginClosed() override;
  void OnTrailers(HeaderList trailers) override;
  void OnEnd(const RoundTripRecord& record) override;

 private:
  // --- Hops (client_chain.cc) ---
  void StartHop();
  void AddCookies(Request& request);
  void OfferCodings(Request& request);
  // What follows the response with this head; nothing when it is to be delivered.
  std::optional<Hop> Follow(const ResponseHead& head);
  void ForgetSetCookies(const ResponseHead& head, Hop& next) const;
  std::uint32_t HopNumber();
  // Of a response that is delivered, whichever bytes of it are counted.
  bool IsTooLarge(std::uint64_t bytes) const {
    return max_response_bytes_ != 0 && bytes > max_response_bytes_;
  }
  Flow RefuseBody();
  void EndFor(Failure failure);
  // Lets the end of the running hop's response come soon.
  void DrainHop(BodyKind kind, std::uint64_t length);
  void GiveUpHop(std::uint32_t number);
  bool leaving() const { return next_.has_value() || own_failure_.has_value(); }
  RoundTripRecord Merged(const RoundTripRecord& hop) const;
  void GoOn(const RoundTripRecord& record);
  void Finish(RoundTripRecord record);

  // --- The decoded body (client_chain_body.cc) ---
  void StartDecoding(ResponseHead& head, BodyKind& kind, std::uint64_t& length);
  Flow Decode(const Chunk& chunk);
  Flow Pump(const Chunk& chunk);
  Flow Give(std::string_view decoded);
  // The receiver wants no more: nothing when it was resumed meanwhile; kAbort when the hop failed.
  std::optional<Flow> Rest(Chunk rest);
  void PumpKept();
  void OnDecodedEnd(RoundTripRecord record);
  void FinishDecoded(RoundTripRecord record);

  const ClientServices services_;
  const std::uint32_t max_redirects_;
  const Decompression decompression_;
  const JarName jar_;  // its name is "" when there is none
  const std::uint64_t max_response_bytes_;
  std::shared_ptr<ResponseSink> sink_;  // none after the end

  // The course of hops; no two of these change at once.
  Request request_;  // what all hops share; the rest is in hop_
  std::shared_ptr<BodySource> body_;
  std::shared_ptr<RedirectBody> stoppable_;  // body_, when it is one
  Hop hop_;
  std::optional<Hop> next_;
  std::optional<Failure> own_failure_;  // why we end it ourselves
  bool too_large_ = false;              // own_failure_ says so
  std::uint64_t drained_ = 0;
  std::uint64_t received_ = 0;               // of the body that is delivered
  RoundTripRecord total_;                    // of the hops that were followed
  std::optional<RoundTripRecord> progress_;  // of the running one as well
  std::optional<OfferedCodings> offered_;
  std::uint64_t max_expansion_ = 1;
  std::unique_ptr<ContentDecoder> decoder_;
  std::uint64_t decoded_ = 0;
  HeaderList trailers_;  // of a decoded body

  mutable Mutex mu_;
  std::optional<Failure> refusal_ SPILLWAY_GUARDED_BY(mu_);  // own_failure_, for the hop
  std::uint32_t number_ SPILLWAY_GUARDED_BY(mu_) = 0;        // of the running hop
  std::shared_ptr<RoundTripHandle> handle_ SPILLWAY_GUARDED_BY(mu_);
  bool cancelled_ SPILLWAY_GUARDED_BY(mu_) = false;
  bool given_up_ SPILLWAY_GUARDED_BY(mu_) = false;    // the running hop
  bool resume_hop_ SPILLWAY_GUARDED_BY(mu_) = false;  // asked for before its handle was there
  bool decoding_ SPILLWAY_GUARDED_BY(mu_) = false;
  bool pumping_ SPILLWAY_GUARDED_BY(mu_) = false;
  bool paused_ SPILLWAY_GUARDED_BY(mu_) = false;
  bool resumed_ SPILLWAY_GUARDED_BY(mu_) = false;  // while pumping_
  Chunk kept_ SPILLWAY_GUARDED_BY(mu_);            // while paused_: what is still to decode
  std::optional<RoundTripRecord> ended_ SPILLWAY_GUARDED_BY(mu_);  // while pumping_ or paused_
};

}  // namespace spillway
