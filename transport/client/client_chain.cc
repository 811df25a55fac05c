#include "transport/client/client_chain.h"

#include <algorithm>
#include <utility>

#include "transport/client/set_cookie.h"

namespace spillway {
namespace {

Failure CancelledFailure() {
  return Failure{Reason::kCancelled, Source::kCaller, Phase::kQueue, Delivery::kNotSent,
                 "cancelled by the caller"};
}

// With `more` at the end of its Cookie line, which it may not have yet.
HeaderList WithCookies(const HeaderList& headers, const std::string& more) {
  HeaderList all;
  bool added = false;
  for (const HeaderField& field : headers) {
    const bool here = !added && EqualsIgnoreCase(field.name, "cookie");
    all.Add(field.name, here ? field.value + "; " + more : field.value);
    added = added || here;
  }
  if (!added) all.Add("Cookie", more);
  return all;
}

void Add(const Timings& more, Timings& sum) {
  for (Duration Timings::*phase :
       {&Timings::queue, &Timings::dns, &Timings::connect, &Timings::proxy, &Timings::tls,
        &Timings::write, &Timings::first_byte}) {
    sum.*phase += more.*phase;
  }
}

}  // namespace

ClientChain::ClientChain(ClientServices services, ClientRequest request, Url url,
                         std::shared_ptr<ResponseSink> sink)
    : services_(services),
      max_redirects_(std::min<std::uint32_t>(request.max_redirects, kMaxHops)),
      decompression_(request.decompression),
      jar_{request.request.tenant, std::move(request.cookie_jar)},
      max_response_bytes_(request.request.max_response_bytes),
      sink_(std::move(sink)) {
  hop_.head.method = request.request.method.empty() ? "GET" : std::move(request.request.method);
  hop_.head.url = std::move(url);
  hop_.head.headers = std::move(request.request.headers);
  hop_.has_body = request.request.body != nullptr;
  body_ = std::move(request.request.body);
  request_ = std::move(request.request);
  // It is for what is delivered, and only here is known which response that is.
  request_.max_response_bytes = 0;
  if (max_redirects_ == 0) return;
  const Destination& first = services_.transport.policy()->Match(hop_.head.url);
  // C8: policy's time is for the request that the caller made, not for each hop.
  request_.not_after =
      std::min(request_.not_after, After(services_.transport.Now(), first.timeouts.total));
  if (body_ != nullptr && body_->buffered() == nullptr) {
    stoppable_ = std::make_shared<RedirectBody>(std::move(body_), first.retry.replay_buffer_bytes);
    body_ = stoppable_;
  }
}

// --- Making a hop ---

void ClientChain::StartHop() {
  Request request = request_;
  request.method = hop_.head.method;
  request.url = hop_.head.url.Text();
  request.headers = hop_.head.headers;
  if (hop_.has_body) request.body = body_;
  AddCookies(request);
  OfferCodings(request);
  const std::uint32_t number = HopNumber();
  std::shared_ptr<RoundTripHandle> handle =
      services_.transport.Start(std::move(request), shared_from_this());
  if (handle == nullptr) return;
  bool cancel = false;
  bool resume = false;
  {
    MutexLock lock(mu_);
    // By now the hop may have been answered, and another be on its way.
    if (number != number_) return;
    handle_ = handle;
    cancel = cancelled_ || given_up_;
    resume = std::exchange(resume_hop_, false);
  }
  if (cancel) return handle->Cancel();
  if (resume) handle->Resume();
}

void ClientChain::AddCookies(Request& request) {
  if (jar_.name.empty()) return;
  const std::string_view host = request.headers.Find("Host").value_or("");
  const std::string line = services_.jars.LineFor(
      jar_, PlaceOf(hop_.head.url, host), services_.transport.Now(), services_.wall_clock());
  if (!line.empty()) request.headers = WithCookies(request.headers, line);
}

void ClientChain::OfferCodings(Request& request) {
  offered_.reset();
  if (decompression_ == Decompression::kPassThrough) return;
  if (!MayOffer(request.method, request.headers)) return;
  const std::shared_ptr<const Policy> policy = services_.transport.policy();
  const ClientLimits& limits = policy->Match(hop_.head.url).client;
  const Decompression wanted =
      decompression_ == Decompression::kPolicy ? limits.decompression : decompression_;
  if (wanted != Decompression::kAuto) return;
  offered_ = OfferedCodings{limits.brotli, limits.zstd};
  max_expansion_ = limits.max_expansion;
  request.headers.Add("Accept-Encoding", offered_->AcceptEncoding());
}

// --- What comes back ---

void ClientChain::OnInformational(ResponseHead head) { sink_->OnInformational(std::move(head)); }

void ClientChain::OnProgress(const RoundTripRecord& so_far) { progress_ = Merged(so_far); }

void ClientChain::OnHead(ResponseHead head, BodyKind kind, std::uint64_t length) {
  if (!jar_.name.empty()) {
    const std::string_view host = hop_.head.headers.Find("Host").value_or("");
    services_.jars.Store(jar_, PlaceOf(hop_.head.url, host), head.headers,
                         services_.transport.Now(), services_.wall_clock());
  }
  next_ = Follow(head);
  if (leaving()) return DrainHop(kind, length);
  // A declared length over the limit fails before a byte of the body is read (O-043).
  if (kind == BodyKind::kLength && IsTooLarge(length)) {
    RefuseBody();
    return GiveUpHop(HopNumber());
  }
  if (offered_.has_value()) StartDecoding(head, kind, length);
  if (progress_.has_value()) sink_->OnProgress(*progress_);
  progress_.reset();
  sink_->OnHead(std::move(head), kind, length);
}

std::optional<Hop> ClientChain::Follow(const ResponseHead& head) {
  if (total_.hops.size() >= max_redirects_) return std::nullopt;
  hop_.body_replayable = body_ != nullptr && body_->replayable();
  Result<std::optional<Hop>> next = NextHop(hop_, head.status, head.headers);
  if (next.has_error()) {
    EndFor(next.error());
    return std::nullopt;
  }
  if (!next->has_value()) return std::nullopt;
  Hop hop = **std::move(next);
  // From here on no more of the body is read than can be sent again; if it already was, the
  // response is the caller's (C2).
  if (hop.has_body && stoppable_ != nullptr && !stoppable_->Stop()) return std::nullopt;
  if (!jar_.name.empty()) ForgetSetCookies(head, hop);
  return hop;
}

// C13: what the origin set replaces what the caller sent under the same name.
void ClientChain::ForgetSetCookies(const ResponseHead& head, Hop& next) const {
  if (!next.head.headers.Has("Cookie")) return;
  for (const HeaderField& set : head.headers) {
    if (!EqualsIgnoreCase(set.name, "set-cookie")) continue;
    const auto cookie = ParseSetCookie(set.value, services_.wall_clock());
    if (!cookie.has_value()) continue;
    HeaderList kept;
    for (const HeaderField& field : next.head.headers) {
      const bool line = EqualsIgnoreCase(field.name, "cookie");
      std::string value = line ? WithoutCookie(field.value, cookie->name) : field.value;
      if (!line || !value.empty()) kept.Add(field.name, value);
    }
    next.head.headers = std::move(kept);
  }
}

std::uint32_t ClientChain::HopNumber() {
  MutexLock lock(mu_);
  return number_;
}

void ClientChain::DrainHop(BodyKind kind, std::uint64_t length) {
  const std::uint32_t number = HopNumber();
  drained_ = 0;
  if (kind == BodyKind::kLength && length > kMaxDrainedBytes) return GiveUpHop(number);
  services_.transport.RunAfter(kMaxDrainTime, [chain = weak_from_this(), number] {
    if (const auto self = chain.lock()) self->GiveUpHop(number);
  });
}

void ClientChain::GiveUpHop(std::uint32_t number) {
  std::shared_ptr<RoundTripHandle> handle;
  {
    MutexLock lock(mu_);
    if (number != number_) return;
    given_up_ = true;
    handle = handle_;
  }
  if (handle != nullptr) handle->Cancel();
}

Flow ClientChain::OnData(const Chunk& chunk) {
  if (too_large_) return Flow::kAbort;
  if (leaving()) {
    drained_ += chunk.bytes.size();
    return drained_ > kMaxDrainedBytes ? Flow::kAbort : Flow::kContinue;
  }
  // Coded or not: what is received counts as much as what is made of it.
  received_ += chunk.bytes.size();
  if (IsTooLarge(received_)) return RefuseBody();
  return decoder_ != nullptr ? Decode(chunk) : sink_->OnData(chunk);
}

Flow ClientChain::RefuseBody() {
  too_large_ = true;
  EndFor({Reason::kHttpResponseBodySize, Source::kOrigin, Phase::kBody, Delivery::kAnswered,
          "the response body is larger than max_response_bytes allows; use Stream"});
  return Flow::kAbort;
}

void ClientChain::EndFor(Failure failure) {
  MutexLock lock(mu_);
  refusal_ = failure;
  own_failure_ = std::move(failure);
}

std::optional<Failure> ClientChain::refusal() const {
  MutexLock lock(mu_);
  return refusal_;
}

void ClientChain::OnOriginClosed() { sink_->OnOriginClosed(); }

void ClientChain::OnTrailers(HeaderList trailers) {
  if (leaving()) return;
  if (decoder_ == nullptr) return sink_->OnTrailers(std::move(trailers));
  trailers_ = std::move(trailers);
}

void ClientChain::OnEnd(const RoundTripRecord& record) {
  if (next_.has_value()) return GoOn(record);
  RoundTripRecord merged = Merged(record);
  if (decoder_ != nullptr) return OnDecodedEnd(std::move(merged));
  if (own_failure_.has_value()) {
    merged.failure = own_failure_;
    merged.failure->response_status = merged.status;
  }
  Finish(std::move(merged));
}

// --- From hop to hop ---

void ClientChain::GoOn(const RoundTripRecord& record) {
  RoundTripRecord merged = Merged(record);
  merged.failure.reset();
  merged.hops.push_back({hop_.head.url.Text(), record.status});
  if (request_.want_timeline && merged.timeline.size() < kMaxTimelineEvents) {
    merged.timeline.push_back({.kind = TimelineEvent::Kind::kRedirect,
                               .at = After(record.started, record.timings.total),
                               .attempt = merged.attempts,
                               .status = record.status});
  }
  total_ = std::move(merged);
  hop_ = *std::exchange(next_, std::nullopt);
  request_.request_target.clear();
  total_.url = hop_.head.url.Text();
  bool cancelled = false;
  {
    MutexLock lock(mu_);
    cancelled = cancelled_;
    ++number_;
    handle_ = nullptr;
    given_up_ = false;
    resume_hop_ = false;
  }
  if (cancelled) {
    RoundTripRecord ended = total_;
    ended.failure = CancelledFailure();
    return Finish(std::move(ended));
  }
  if (hop_.has_body) body_->Rewind();
  StartHop();
}

RoundTripRecord ClientChain::Merged(const RoundTripRecord& hop) const {
  if (total_.hops.empty()) return hop;
  RoundTripRecord all = hop;
  all.attempts += total_.attempts;
  Add(total_.timings, all.timings);
  all.timings.total += hop.started - total_.started;
  all.bytes_sent += total_.bytes_sent;
  all.bytes_received += total_.bytes_received;
  all.attempt_log.insert(all.attempt_log.begin(), total_.attempt_log.begin(),
                         total_.attempt_log.end());
  for (TimelineEvent& event : all.timeline) {
    if (event.attempt != 0) event.attempt += total_.attempts;
  }
  all.timeline.insert(all.timeline.begin(), total_.timeline.begin(), total_.timeline.end());
  if (all.timeline.size() > kMaxTimelineEvents) all.timeline.resize(kMaxTimelineEvents);
  all.started = total_.started;
  all.url = total_.url;
  all.hops = total_.hops;
  return all;
}

void ClientChain::Finish(RoundTripRecord record) {
  if (record.failure.has_value() && !record.hops.empty()) {
    // An earlier hop was answered: a plain retry would send all of it again.
    record.failure->delivery = Delivery::kAnswered;
    if (record.failure->response_status == 0) {
      record.failure->response_status = record.hops.back().status;
    }
  }
  // Let go of here: a sink that keeps the handle would otherwise keep both alive for good.
  const std::shared_ptr<ResponseSink> sink = std::move(sink_);
  sink->OnEnd(record);
}

// --- The caller ---

void ClientChain::Cancel() {
  std::shared_ptr<RoundTripHandle> handle;
  std::optional<RoundTripRecord> ended;
  {
    MutexLock lock(mu_);
    cancelled_ = true;
    handle = handle_;
    // The hop has ended; only the caller's pause holds back what is left of its body.
    if (!pumping_ && ended_.has_value()) ended = std::exchange(ended_, std::nullopt);
    if (ended.has_value()) paused_ = false;
  }
  if (ended.has_value()) {
    ended->failure = CancelledFailure();
    ended->failure->delivery = Delivery::kAnswered;
    return Finish(*std::move(ended));
  }
  if (handle != nullptr) handle->Cancel();
}

void ClientChain::Resume() {
  std::shared_ptr<RoundTripHandle> handle;
  {
    MutexLock lock(mu_);
    if (decoding_) {
      if (pumping_) resumed_ = true;
      if (pumping_ || !paused_) return;
      paused_ = false;
      pumping_ = true;
    } else {
      handle = handle_;
      if (handle == nullptr) resume_hop_ = true;
      if (handle == nullptr) return;
    }
  }
  if (handle != nullptr) return handle->Resume();
  services_.transport.RunAfter(Duration::zero(), [self = shared_from_this()] { self->PumpKept(); });
}

}  // namespace spillway
