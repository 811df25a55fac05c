#include "server/egress_service.h"

#include <functional>
#include <utility>

#include "server/multiplex_call.h"
#include "server/stream_call.h"

namespace spillway {
namespace {

using RawBidi = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

}  // namespace

EgressService::EgressService(const CallContext& context)
    : client_(*context.transport, {.cookies = context.cookies, .wall_clock = {}}),
      head_watch_(std::make_shared<StreamHeadWatch>(
          [transport = context.transport] { return transport->Now(); },
          [transport = context.transport](Duration delay, std::function<void()> function) {
            transport->RunAfter(delay, std::move(function));
          })),
      context_([&] {
        CallContext own = context;
        own.client = &client_;
        own.head_watch = head_watch_.get();
        return own;
      }()) {}

grpc::ServerUnaryReactor* EgressService::RoundTrip(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return UnaryCall::Start(context_, *context, *request, *response);
}

RawBidi* EgressService::Stream(grpc::CallbackServerContext* context) {
  return StreamCall::Start(context_, *context);
}

RawBidi* EgressService::Multiplex(grpc::CallbackServerContext* context) {
  return MultiplexCall::Start(context_, *context);
}

}  // namespace spillway
