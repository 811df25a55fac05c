#include "server/egress_service.h"

#include "server/multiplex_call.h"
#include "server/status_map.h"

namespace spillway {
namespace {

using RawBidi = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

// Ends a stream of a method that is declared and not built, before anything is read from it.
class NotBuilt final : public RawBidi {
 public:
  NotBuilt(CallObserver& observer, std::string_view method) {
    observer.OnCallStarted(method);
    const grpc::Status status = ToStatus(Unimplemented(method), nullptr, ExchangeDetail::kNone);
    observer.OnCallEnded(method, StatusCodeName(status.error_code()), Duration::zero());
    Finish(status);
  }
  void OnDone() override { delete this; }
};

}  // namespace

EgressService::EgressService(const CallContext& context)
    : client_(*context.transport, {.cookies = context.cookies, .wall_clock = {}}), context_([&] {
        CallContext own = context;
        own.client = &client_;
        return own;
      }()) {}

grpc::ServerUnaryReactor* EgressService::RoundTrip(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return UnaryCall::Start(context_, *context, *request, *response);
}

RawBidi* EgressService::Stream(grpc::CallbackServerContext* /*context*/) {
  return new NotBuilt(*context_.observer, "spillway.v1.Egress/Stream");
}

RawBidi* EgressService::Multiplex(grpc::CallbackServerContext* context) {
  return MultiplexCall::Start(context_, *context);
}

}  // namespace spillway
