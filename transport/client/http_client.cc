#include "transport/client/http_client.h"

#include <utility>

namespace spillway {

std::shared_ptr<RoundTripHandle> HttpClient::Start(ClientRequest request,
                                                   std::shared_ptr<ResponseSink> sink) {
  return transport_.Start(std::move(request.request), std::move(sink));
}

}  // namespace spillway
