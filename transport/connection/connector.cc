#include "transport/connection/connector.h"

#include <utility>

#include "transport/connection/http1_connection.h"
#include "transport/connection/http2_connection.h"

namespace spillway {

std::shared_ptr<Connection> MakeConnection(EventLoop& loop, DialOutcome outcome,
                                           const Http2Limits& http2, std::uint32_t max_streams) {
  if (outcome.spoken == Spoken::kHttp2) {
    return std::make_shared<Http2Connection>(loop, *std::move(outcome.socket),
                                             std::move(outcome.stream), http2, max_streams);
  }
  return std::make_shared<Http1Connection>(loop, *std::move(outcome.socket),
                                           std::move(outcome.stream),
                                           outcome.forward ? std::move(outcome.proxy) : nullptr);
}

}  // namespace spillway
