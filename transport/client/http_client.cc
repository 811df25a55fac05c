#include "transport/client/http_client.h"

#include <chrono>
#include <utility>

#include "transport/client/client_chain.h"

namespace spillway {
namespace {

WallTime SystemTime() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

void Refuse(const Request& request, Failure failure, Instant now, ResponseSink& sink) {
  RoundTripRecord record;
  record.method = request.method.empty() ? "GET" : request.method;
  record.destination = std::make_shared<const std::string>();
  record.started = now;
  record.failure = std::move(failure);
  sink.OnEnd(record);
}

}  // namespace

HttpClient::HttpClient(Transport& transport, HttpClientOptions options)
    : transport_(transport),
      wall_clock_(options.wall_clock ? std::move(options.wall_clock) : SystemTime),
      jars_(options.cookies) {}

bool HttpClient::NeedsNothing(const ClientRequest& request) const {
  if (request.max_redirects > 0 || !request.cookie_jar.empty()) return false;
  switch (request.decompression) {
    case Decompression::kPolicy:
      return !transport_.may_decompress();
    case Decompression::kAuto:
      return false;
    case Decompression::kPassThrough:
      return true;
  }
  return true;
}

std::shared_ptr<RoundTripHandle> HttpClient::Start(ClientRequest request,
                                                   std::shared_ptr<ResponseSink> sink) {
  const bool nothing = NeedsNothing(request);
  if (!request.cookie_jar.empty()) {
    if (auto refusal = jars_.Refusal({request.request.tenant, request.cookie_jar})) {
      Refuse(request.request, *std::move(refusal), transport_.Now(), *sink);
      return nullptr;
    }
  }
  // What is not even a URL is the transport's to refuse.
  Result<Url> url = nothing ? Result<Url>(Url()) : ParseUrl(request.request.url);
  if (nothing || url.has_error()) {
    return transport_.Start(std::move(request.request), std::move(sink));
  }
  auto chain = std::make_shared<ClientChain>(ClientServices{transport_, jars_, wall_clock_},
                                             std::move(request), *std::move(url), std::move(sink));
  chain->Start();
  return chain;
}

}  // namespace spillway
