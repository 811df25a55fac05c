// What http.Client does above a transport: redirects, cookies and content codings, on request.
//
// What it is: a layer over Transport::Start. Without options it is one exchange and costs nothing.
// What it owns: the cookie jars.
// Thread safety: Start from any thread.
// Invariants: each Start leads to exactly one OnEnd, and to one OnHead at most: heads of hops that
// were followed are not delivered, but listed in the record.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "transport/base/options.h"
#include "transport/client/cookie_jars.h"
#include "transport/response_sink.h"
#include "transport/transport.h"

namespace spillway {

struct ClientRequest {
  Request request;
  std::uint32_t max_redirects = 0;  // zero: a 3xx is delivered as it is; at most kMaxHops
  Decompression decompression = Decompression::kPolicy;
  std::string cookie_jar;  // its name among those of the request's tenant; "": none
};

struct HttpClientOptions {
  CookieLimits cookies;
  std::function<WallTime()> wall_clock;  // for tests; null: the system's
};

class HttpClient {
 public:
  // `transport` must outlive this, and this everything that was started here.
  explicit HttpClient(Transport& transport, HttpClientOptions options = {});

  // As Transport::Start. A refused option ends it before anything is dialled.
  std::shared_ptr<RoundTripHandle> Start(ClientRequest request, std::shared_ptr<ResponseSink> sink);

  const CookieJars& jars() const { return jars_; }

 private:
  bool NeedsNothing(const ClientRequest& request) const;

  Transport& transport_;
  const std::function<WallTime()> wall_clock_;
  CookieJars jars_;
};

}  // namespace spillway
