// An HttpClient over a real transport, and origins that answer by path, over HTTP/1.1 and HTTP/2.

#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/counting_observer.h"
#include "tests/origin/origin.h"
#include "tests/transport/facade/blocking_call.h"
#include "transport/client/http_client.h"

namespace spillway {

inline Script Say(std::string bytes) {
  return {Step{.kind = StepKind::kSend, .text = std::move(bytes)}};
}

inline std::string RedirectTo(const std::string& location, std::uint32_t status = 302,
                              const std::string& more = "") {
  return Answer(status, "", "Location: " + location + "\r\n" + more);
}

// What an origin answers to each path; 200 "served" to others.
using Paths = std::map<std::string, std::string>;

inline OriginOptions Answering(Paths paths) {
  OriginOptions options;
  options.handler = [paths = std::move(paths)](const SeenRequest& request, std::uint64_t) {
    const auto found = paths.find(request.target);
    return Say(found != paths.end() ? found->second : Answer(200, "served"));
  };
  return options;
}

// The requests that an origin saw, on whatever connection, in the order of connections.
inline std::vector<SeenRequest> Requests(const Origin& origin) {
  std::vector<SeenRequest> all;
  for (const SeenConnection& connection : origin.seen()) {
    all.insert(all.end(), connection.requests.begin(), connection.requests.end());
  }
  return all;
}

class ClientFixture {
 public:
  explicit ClientFixture(std::shared_ptr<const Policy> policy = PolicyOf(Destination()),
                         HttpClientOptions options = {})
      : transport_(Make(std::move(policy), observer_)), client_(*transport_, std::move(options)) {}

  // The client may go only when nothing of its own runs any more.
  ~ClientFixture() { transport_->Shutdown(); }
  ClientFixture(const ClientFixture&) = delete;
  ClientFixture& operator=(const ClientFixture&) = delete;

  std::shared_ptr<WaitingSink> Do(ClientRequest request) {
    auto sink = std::make_shared<WaitingSink>();
    client_.Start(std::move(request), sink);
    sink->Wait();
    return sink;
  }

  HttpClient& client() { return client_; }
  Transport& transport() { return *transport_; }
  ObserverCounts counts() const { return observer_->counts(); }

 private:
  static std::unique_ptr<Transport> Make(std::shared_ptr<const Policy> policy,
                                         std::shared_ptr<TransportObserver> observer) {
    TransportOptions options;
    options.observer = std::move(observer);
    options.policy = std::move(policy);
    return MakeTransport(std::move(options));
  }

  const std::shared_ptr<CountingObserver> observer_ = std::make_shared<CountingObserver>();
  std::unique_ptr<Transport> transport_;
  HttpClient client_;
};

// A test that runs over HTTP/1.1 and over HTTP/2 (in clear text, by prior knowledge).
class BothProtocols : public ::testing::TestWithParam<Protocol> {
 public:
  static std::string Name(const ::testing::TestParamInfo<Protocol>& tested) {
    return tested.param == Protocol::kH2c ? "Http2" : "Http1";
  }

 protected:
  static bool http2() { return GetParam() == Protocol::kH2c; }
  static OriginOptions Speaking(Paths paths) { return Over(Answering(std::move(paths))); }
  static OriginOptions Over(OriginOptions options) {
    options.http2 = http2();
    return options;
  }
  // Answers each request by `script`.
  static OriginOptions Playing(Script script) {
    OriginOptions options;
    options.handler = [script = std::move(script)](const SeenRequest&, std::uint64_t) {
      return script;
    };
    return Over(std::move(options));
  }
  static std::shared_ptr<const Policy> PolicyFor(Destination fallback = Destination(),
                                                 std::vector<Destination> others = {}) {
    fallback.protocol = GetParam();
    return *Policy::Build(1, std::move(others), std::move(fallback), RequestFieldLimits());
  }
};

inline const auto kBothProtocols = ::testing::Values(Protocol::kHttp1, Protocol::kH2c);

inline ClientRequest Following(Request request, std::uint32_t max_redirects = 10) {
  ClientRequest following;
  following.request = std::move(request);
  following.max_redirects = max_redirects;
  return following;
}

}  // namespace spillway
