// What http.Client does above a transport: redirects, cookies and content codings, on request.
//
// What it is: a layer over Transport::Start. Without options it is one exchange and costs nothing.
// What it owns: the cookie jars.
// Thread safety: Start from any thread.
// Invariants: each Start leads to exactly one OnEnd, and to one OnHead at most: heads of hops that
// were followed are not delivered, but listed in the record.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "transport/base/options.h"
#include "transport/response_sink.h"
#include "transport/transport.h"

namespace spillway {

struct ClientRequest {
  Request request;
  std::uint32_t max_redirects = 0;  // zero: a 3xx is delivered as it is
  Decompression decompression = Decompression::kPolicy;
  std::string cookie_jar;  // its name among those of the request's tenant; "": none
};

class HttpClient {
 public:
  // `transport` must outlive this and everything started here.
  explicit HttpClient(Transport& transport) : transport_(transport) {}

  // As Transport::Start. A refused option ends it before anything is dialled.
  std::shared_ptr<RoundTripHandle> Start(ClientRequest request, std::shared_ptr<ResponseSink> sink);

 private:
  Transport& transport_;
};

}  // namespace spillway
