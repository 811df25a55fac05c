// The Egress service: on raw byte buffers.
//
// What it is: gRPC's callback API throughout, so that no call holds a thread. Raw buffers, because
// parsing a message would copy its body (docs/adr has the measurement).
// Thread safety: called by gRPC from its threads.

#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "server/stream_head_watch.h"
#include "server/unary_call.h"
#include "spillway/v1/egress.grpc.pb.h"

namespace spillway {

using RawEgress =
    v1::Egress::WithRawCallbackMethod_RoundTrip<v1::Egress::WithRawCallbackMethod_Stream<
        v1::Egress::WithRawCallbackMethod_Multiplex<v1::Egress::Service>>>;

class EgressService final : public RawEgress {
 public:
  static constexpr char kName[] = "spillway.v1.Egress";

  // What `context` points to must outlive the gRPC server.
  explicit EgressService(const CallContext& context);

  grpc::ServerUnaryReactor* RoundTrip(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Stream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Multiplex(
      grpc::CallbackServerContext* context) override;

 private:
  HttpClient client_;
  const std::shared_ptr<StreamHeadWatch> head_watch_;
  const CallContext context_;
};

}  // namespace spillway
