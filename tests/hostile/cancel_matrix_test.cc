// Cancelling at each of twelve stages, over HTTP/1.1 and HTTP/2, direct and through proxies: one
// outcome and no residue (C-037, C-039; A1 to A5, D5, D6, L7).

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/push_body.h"
#include "tests/hostile/proxy_fixture.h"
#include "tests/origin/board.h"

namespace spillway {
namespace {

enum class Way { kDirect, kConnect, kSocks5 };
enum class Speaks { kHttp1, kHttp2 };

enum class Stage {
  kQueued,
  kResolving,
  kDialling,
  kProxy,
  kTls,
  kHeadWritten,
  kBodyHalfWritten,
  kWaiting,
  kInformational,
  kHead,
  kBodyHalfDelivered,
  kBeforeTrailers,
};

constexpr const char* kWayNames[] = {"direct", "CONNECT", "SOCKS5"};
constexpr const char* kStageNames[] = {"queued",
                                       "resolving",
                                       "dialling",
                                       "proxy_handshake",
                                       "TLS",
                                       "head_written",
                                       "body_half_written",
                                       "waiting",
                                       "informational",
                                       "head_received",
                                       "body_half_delivered",
                                       "before_trailers"};

struct Case {
  Stage stage;
  Speaks speaks;
  Way way;

  bool on_connection() const { return stage >= Stage::kHeadWritten; }
  std::string name() const {
    return std::string(kStageNames[static_cast<int>(stage)]) +
           (speaks == Speaks::kHttp2 ? "_h2_" : "_h1_") + kWayNames[static_cast<int>(way)];
  }
};

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (int stage = 0; stage <= static_cast<int>(Stage::kBeforeTrailers); ++stage) {
    for (const Speaks speaks : {Speaks::kHttp1, Speaks::kHttp2}) {
      for (const Way way : {Way::kDirect, Way::kConnect, Way::kSocks5}) {
        const Case one{static_cast<Stage>(stage), speaks, way};
        if (one.stage == Stage::kProxy && way == Way::kDirect) continue;
        cases.push_back(one);
      }
    }
  }
  return cases;
}

constexpr std::string_view kHere = "signal here\n";
constexpr std::string_view kHereUntilGo = "signal here\nwait_for go\n";

// The proxy's part of a connection; `before` comes before its last word.
std::string OpenWay(Way way, std::string_view before = "") {
  const std::string pause(before);
  switch (way) {
    case Way::kDirect:
      return "";
    case Way::kConnect:
      return "expect_head\n" + pause + "send \"HTTP/1.1 200 Open\\r\\n\\r\\n\"\n";
    case Way::kSocks5:
      return "expect_bytes 3\nsend \"\\x05\\0\"\nexpect_bytes 18\n" + pause +
             "send \"\\x05\\0\\0\\x01\\x7f\\0\\0\\x01\\x1f\\x90\"\n";
  }
  return "";
}

std::string Secure(Speaks speaks) {
  return speaks == Speaks::kHttp2 ? "tls alpn=h2\nh2_start\n" : "tls alpn=http/1.1\n";
}

std::string Http1Steps(Stage stage) {
  const std::string request = "expect_head\nexpect_body all\n";
  switch (stage) {
    case Stage::kHeadWritten:
      return "expect_head\nsignal here\nstall\n";
    case Stage::kBodyHalfWritten:
      return "expect_head\nexpect_bytes 8\nsignal here\nstall\n";
    case Stage::kWaiting:
      return request + "signal here\nstall\n";
    case Stage::kInformational:
      return request + "send \"HTTP/1.1 103 Early\\r\\n\\r\\n\"\nstall\n";
    case Stage::kHead:
      return request + "send \"HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\n\"\nstall\n";
    case Stage::kBodyHalfDelivered:
      return request + "send \"HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nhalf\"\nstall\n";
    case Stage::kBeforeTrailers:
      return request +
             "send \"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n4\\r\\nhalf\\r\\n"
             "0\\r\\nX-\"\nstall\n";
    default:
      return "serve\n";
  }
}

std::string Http2Steps(Stage stage) {
  const std::string request = "h2_expect headers\nh2_expect end\n";
  switch (stage) {
    case Stage::kHeadWritten:
      return "h2_expect headers\nsignal here\nh2_expect rst\nserve\n";
    case Stage::kBodyHalfWritten:
      return "h2_expect headers\nh2_expect data bytes=3\nsignal here\nh2_expect rst\nserve\n";
    case Stage::kWaiting:
      return request + "signal here\nh2_expect rst\nserve\n";
    case Stage::kInformational:
      return request + "h2 headers status=103\nh2_expect rst\nserve\n";
    case Stage::kHead:
      return request + "h2 headers status=200\nh2_expect rst\nserve\n";
    case Stage::kBodyHalfDelivered:
    case Stage::kBeforeTrailers:
      return request + "h2 headers status=200\nh2 data text=\"half\"\nh2_expect rst\nserve\n";
    default:
      return "serve\n";
  }
}

// What the first connection does.
std::string ScriptOf(const Case& one) {
  const std::string secure = Secure(one.speaks);
  switch (one.stage) {
    case Stage::kProxy:
      return OpenWay(one.way, kHereUntilGo) + secure + "serve\n";
    case Stage::kTls:
      return OpenWay(one.way) + std::string(kHereUntilGo) + secure + "serve\n";
    case Stage::kQueued: {
      const std::string stalls =
          one.speaks == Speaks::kHttp2 ? Http2Steps(Stage::kWaiting) : Http1Steps(Stage::kWaiting);
      return OpenWay(one.way) + secure + stalls;
    }
    default:
      return OpenWay(one.way) + secure +
             (one.speaks == Speaks::kHttp2 ? Http2Steps(one.stage) : Http1Steps(one.stage));
  }
}

// A client, and an origin or proxy, for one case.
class Scene {
 public:
  explicit Scene(const Case& one) : case_(one), origin_(OriginOf(one)), client_(ClientFor()) {}

  Call Start(const std::string& path, const std::shared_ptr<PushBody>& body) {
    Request request;
    request.method = body == nullptr ? "GET" : "POST";
    request.url = Url(path);
    request.body = body;
    request.streamed = true;
    return client_.Start(std::move(request));
  }

  TestClient& client() { return client_; }
  Origin& origin() { return origin_; }
  Board& names() { return *names_; }

 private:
  static OriginOptions OriginOf(const Case& one) {
    OriginOptions options = Playing(OpenWay(one.way) + Secure(one.speaks) + "serve\n");
    options.scripts.push_back(MustParse(ScriptOf(one)));
    return options;
  }

  std::uint16_t port() const {
    return case_.stage == Stage::kDialling ? silent_.port() : origin_.port();
  }

  std::string Url(const std::string& path) const {
    if (case_.way != Way::kDirect) return "https://origin.test" + path;
    return "https://origin.test:" + std::to_string(port()) + path;
  }

  TestClient::Options ClientFor() {
    Destination destination;
    destination.tls = TrustingProfile();
    if (case_.way != Way::kDirect) {
      ProxyServer proxy =
          ProxyAt(case_.way == Way::kConnect ? ProxyKind::kHttp : ProxyKind::kSocks5h, port());
      proxy.host = "proxy.test";
      proxy.host_kind = HostKind::kName;
      std::vector<ProxyServer> proxies;
      proxies.push_back(std::move(proxy));
      destination = Behind(std::move(proxies));
    }
    if (case_.stage == Stage::kQueued) {
      destination.pool.max_connections = 1;
      destination.pool.max_streams = 1;
    }
    TestClient::Options options = ClientOf(std::move(destination));
    if (case_.stage == Stage::kResolving) {
      options.lookup = [names = names_](const std::string&, std::vector<std::string>& addresses) {
        names->Signal("looking");
        names->Await("answer");
        addresses = {"127.0.0.1"};
        return 0;
      };
    }
    return options;
  }

  const Case case_;
  const SilentPort silent_;
  const std::shared_ptr<Board> names_ = std::make_shared<Board>();
  Origin origin_;
  TestClient client_;
};

constexpr std::uint32_t HostPoolSnapshot::*kActive = &HostPoolSnapshot::active;
constexpr std::uint32_t HostPoolSnapshot::*kWaiting = &HostPoolSnapshot::waiting;
constexpr std::uint32_t HostPoolSnapshot::*kConnecting = &HostPoolSnapshot::connecting;

// Waits until the exchange is where it is to be cancelled.
bool AwaitStage(Scene& scene, const Call& call, Stage stage) {
  switch (stage) {
    case Stage::kQueued:
      return scene.client().AwaitLevel(kWaiting, 1);
    case Stage::kResolving:
      return scene.names().Await("looking");
    case Stage::kDialling:
      return scene.client().AwaitLevel(kConnecting, 1);
    case Stage::kInformational:
      return call.sink->AwaitInformational(1);
    case Stage::kHead:
      return call.sink->AwaitHead();
    case Stage::kBodyHalfDelivered:
    case Stage::kBeforeTrailers:
      return call.sink->AwaitBody(4);
    default:
      return scene.origin().board().Await("here");
  }
}

Delivery ExpectedDelivery(Stage stage) {
  if (stage < Stage::kHeadWritten) return Delivery::kNotSent;
  return stage < Stage::kHead ? Delivery::kUnknown : Delivery::kAnswered;
}

void ExpectServedAfter(Scene& scene, const Case& one) {
  scene.names().Signal("answer");
  scene.origin().board().Signal("go");
  const Story next = scene.Start("/next", nullptr).Finish();
  EXPECT_TRUE(next.ok()) << next.Text();
  EXPECT_EQ(next.body, "served");
  const std::vector<SeenConnection> seen = scene.origin().seen();
  if (!one.on_connection()) {
    EXPECT_EQ(seen.size(), 1U);  // nobody dialled in vain: what was under way serves the next
    EXPECT_EQ(seen[0].request_count,
              (one.stage == Stage::kQueued ? 2U : 1U) + (one.way == Way::kConnect ? 1U : 0U));
  } else if (one.speaks == Speaks::kHttp2) {
    EXPECT_EQ(seen.size(), 1U);
    ASSERT_EQ(seen[0].http2.resets.size(), 1U);
    EXPECT_EQ(seen[0].http2.resets[0].second, "CANCEL");
  } else {
    EXPECT_EQ(seen.size(), 2U);  // C-039
    EXPECT_TRUE(scene.origin().log().Await([](const auto& log) { return log[0].closed; }));
  }
}

class CancelMatrix : public testing::TestWithParam<Case> {};

TEST_P(CancelMatrix, C037_C039LeavesOneOutcomeAndNoResidue) {
  const Case& one = GetParam();
  Scene scene(one);
  Call first;
  if (one.stage == Stage::kQueued) {
    first = scene.Start("/first", nullptr);
    ASSERT_TRUE(scene.origin().board().Await("here"));
  }
  auto body = std::make_shared<PushBody>();
  if (one.stage != Stage::kHeadWritten) body->Push("abc");
  if (one.stage > Stage::kBodyHalfWritten) body->End();
  const Call call = scene.Start("/row", body);
  ASSERT_TRUE(AwaitStage(scene, call, one.stage));
  call.handle->Cancel();
  call.handle->Cancel();
  const Story story = call.Finish();
  EXPECT_EQ(story.ends, 1U) << story.Text();
  EXPECT_TRUE(story.violations.empty()) << story.Text();
  EXPECT_EQ(story.reason(), Reason::kCancelled) << story.Text();
  EXPECT_EQ(story.delivery(), ExpectedDelivery(one.stage)) << story.Text();
  if (one.stage == Stage::kQueued) {
    first.handle->Cancel();
    EXPECT_EQ(first.Finish().ends, 1U);
    EXPECT_TRUE(scene.client().AwaitLevel(kWaiting, 0));
    EXPECT_TRUE(scene.client().AwaitLevel(kActive, 0));
    return;
  }
  EXPECT_TRUE(scene.client().AwaitLevel(kActive, 0));
  EXPECT_TRUE(scene.client().AwaitLevel(kWaiting, 0));
  if (one.stage != Stage::kDialling) ExpectServedAfter(scene, one);
}

INSTANTIATE_TEST_SUITE_P(Stages, CancelMatrix, testing::ValuesIn(AllCases()),
                         [](const auto& one) { return one.param.name(); });

}  // namespace
}  // namespace spillway
