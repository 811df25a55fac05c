#include "transport/connect/connect_machine.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace spillway {
namespace {

using std::chrono::seconds;

constexpr Instant kStart = Instant(seconds(1000));

ProxyServerPtr Proxy(ProxyKind kind, const std::string& host) {
  auto proxy = std::make_shared<ProxyServer>();
  proxy->kind = kind;
  proxy->host = host;
  proxy->port = 3128;
  return proxy;
}

ConnectPlan Plan(ProxyServerPtr proxy, bool secure) {
  ConnectPlan plan;
  plan.host = proxy == nullptr ? "origin.test" : proxy->host;
  plan.port = 443;
  plan.target_host = "origin.test";
  plan.target_port = 443;
  if (proxy != nullptr && proxy->kind == ProxyKind::kHttps) plan.proxy_tls.emplace();
  if (proxy != nullptr && secure) plan.tunnel = Tunnel::kConnect;
  plan.proxy = std::move(proxy);
  if (secure) plan.origin_tls.emplace();
  plan.budget = seconds(10);
  plan.tls_timeout = seconds(5);
  plan.proxy_timeout = seconds(4);
  return plan;
}

Failure Refused(Reason reason, Source source, std::uint32_t proxy_status = 0) {
  Failure failure{reason, source, Phase::kConnect, Delivery::kUnknown, "refused"};
  failure.proxy_status = proxy_status;
  return failure;
}

std::vector<ConnectStep> StepsOf(const ConnectPlan& plan) {
  ConnectMachine machine({plan}, kStart);
  std::vector<ConnectStep> steps = {machine.Begin(kStart)};
  while (steps.back() != ConnectStep::kDone) steps.push_back(machine.OnStepDone(kStart));
  return steps;
}

TEST(ConnectMachine, TakesTheStepsOfEachKindOfWayInOrder_P2) {
  using enum ConnectStep;
  const auto http = Proxy(ProxyKind::kHttp, "proxy.test");
  const auto https = Proxy(ProxyKind::kHttps, "proxy.test");
  EXPECT_EQ(StepsOf(Plan(nullptr, false)), (std::vector{kTcp, kDone}));
  EXPECT_EQ(StepsOf(Plan(nullptr, true)), (std::vector{kTcp, kOriginTls, kDone}));
  EXPECT_EQ(StepsOf(Plan(http, false)), (std::vector{kTcp, kDone}));
  EXPECT_EQ(StepsOf(Plan(http, true)), (std::vector{kTcp, kTunnel, kOriginTls, kDone}));
  EXPECT_EQ(StepsOf(Plan(https, false)), (std::vector{kTcp, kProxyTls, kDone}));
  EXPECT_EQ(StepsOf(Plan(https, true)), (std::vector{kTcp, kProxyTls, kTunnel, kOriginTls, kDone}));
}

// O-257: TLS that hangs at one address ends with the budget too.
TEST(ConnectMachine, CoversEveryStepByOneBudget_K6) {
  ConnectMachine machine({Plan(Proxy(ProxyKind::kHttps, "proxy.test"), true)}, kStart);
  machine.Begin(kStart);
  EXPECT_EQ(machine.deadline(), kStart + seconds(10));
  machine.OnStepDone(kStart + seconds(3));
  EXPECT_EQ(machine.deadline(), kStart + seconds(8)) << "TLS with the proxy has 5 s of its own";
  machine.OnStepDone(kStart + seconds(7));
  EXPECT_EQ(machine.deadline(), kStart + seconds(10)) << "the tunnel has 4 s, but 3 are left";
  machine.OnStepDone(kStart + seconds(9));
  EXPECT_EQ(machine.deadline(), kStart + seconds(10));
  machine.OnStepDone(kStart + seconds(9));
  EXPECT_EQ(machine.tcp(), seconds(3));
  EXPECT_EQ(machine.proxying(), seconds(6));
}

std::string Text(const DialSteps& steps) {
  std::string text;
  for (const DialStep& step : steps) {
    constexpr std::array kNames = {"dns", "connect", "proxy", "tls"};
    text += std::string(text.empty() ? "" : " ") + (step.with_proxy ? "proxy-" : "") +
            kNames[static_cast<std::size_t>(step.kind)] + ":" +
            std::to_string((step.began - kStart) / seconds(1)) + "-" +
            std::to_string((step.ended - kStart) / seconds(1)) +
            (step.error == Reason::kNone ? "" : "=" + std::string(Label(step.error)));
  }
  return text;
}

TEST(ConnectMachine, RemembersTheStepsOfADial_M3_M7) {
  ConnectMachine machine({Plan(Proxy(ProxyKind::kHttps, "proxy.test"), true)}, kStart);
  machine.Begin(kStart);
  machine.NoteLookup(seconds(1));
  machine.OnStepDone(kStart + seconds(2));
  machine.OnStepDone(kStart + seconds(3));
  machine.OnStepDone(kStart + seconds(5));
  machine.OnStepFailed(Refused(Reason::kTlsCertificateError, Source::kTls), kStart + seconds(6));
  EXPECT_EQ(Text(machine.TakeSteps()),
            "dns:0-1 connect:1-2 proxy-tls:2-3 proxy:3-5 tls:5-6=tls_certificate_error");
}

TEST(ConnectMachine, TellsALookupThatFailedFromTcpThatFailed_M7) {
  const auto direct = Plan(nullptr, false);
  ConnectMachine lookup({direct}, kStart);
  lookup.Begin(kStart);
  lookup.NoteLookup(seconds(2));
  lookup.OnStepFailed(Refused(Reason::kDnsError, Source::kDns), kStart + seconds(2));
  EXPECT_EQ(Text(lookup.TakeSteps()), "dns:0-2=dns_error");

  ConnectMachine tcp({direct}, kStart);
  tcp.Begin(kStart);
  tcp.OnStepFailed(Refused(Reason::kConnectionRefused, Source::kOrigin), kStart + seconds(1));
  EXPECT_EQ(Text(tcp.TakeSteps()), "connect:0-1=connection_refused")
      << "an address needs no lookup";
}

TEST(ConnectMachine, RemembersTheStepsOfEveryWayItTried_M7) {
  const auto proxied = Plan(Proxy(ProxyKind::kHttp, "proxy.test"), true);
  std::vector<ConnectPlan> plans(20, proxied);
  ConnectMachine machine(plans, kStart);
  machine.Begin(kStart);
  machine.OnStepFailed(Refused(Reason::kConnectionRefused, Source::kOrigin), kStart);
  machine.NoteLookup(seconds(1));
  machine.OnStepDone(kStart + seconds(1));
  EXPECT_EQ(Text(machine.TakeSteps()), "connect:0-0=connection_refused dns:0-1 connect:1-1");
  for (int i = 0; i < 18; ++i) {
    machine.OnStepFailed(Refused(Reason::kConnectionRefused, Source::kOrigin), kStart);
  }
  EXPECT_EQ(machine.TakeSteps().size(), kMaxDialSteps);
}

TEST(ConnectMachine, SaysWhichHopTookTooLong_O225_O283) {
  struct Row {
    int done;
    Reason reason;
    Source source;
    Phase phase;
  };
  const std::vector<Row> rows = {
      {1, Reason::kTlsTimeout, Source::kProxy, Phase::kProxy},
      {2, Reason::kProxyTimeout, Source::kProxy, Phase::kProxy},
      {3, Reason::kTlsTimeout, Source::kTls, Phase::kTls},
  };
  for (const Row& row : rows) {
    ConnectMachine machine({Plan(Proxy(ProxyKind::kHttps, "proxy.test"), true)}, kStart);
    machine.Begin(kStart);
    for (int i = 0; i < row.done; ++i) machine.OnStepDone(kStart);
    ASSERT_EQ(machine.OnDeadline("", machine.deadline()), ConnectStep::kFailed);
    EXPECT_EQ(machine.failure().reason, row.reason);
    EXPECT_EQ(machine.failure().source, row.source);
    EXPECT_EQ(machine.failure().phase, row.phase);
    EXPECT_EQ(machine.failure().delivery, Delivery::kNotSent);
    EXPECT_NE(machine.failure().message.find("https://proxy.test:3128"), std::string::npos);
  }
}

TEST(ConnectMachine, BlamesTheProxyForFailingToReachIt_P8) {
  ConnectMachine machine({Plan(Proxy(ProxyKind::kHttp, "proxy.test"), true)}, kStart);
  machine.Begin(kStart);
  machine.OnStepFailed(Refused(Reason::kConnectionRefused, Source::kOrigin), kStart);
  EXPECT_EQ(machine.failure().reason, Reason::kConnectionRefused);
  EXPECT_EQ(machine.failure().source, Source::kProxy);
}

TEST(ConnectMachine, GoesToTheNextProxyWhenOneCannotBeUsed_O284) {
  const std::vector<Failure> passing = {
      Refused(Reason::kConnectionRefused, Source::kOrigin),
      Refused(Reason::kDnsError, Source::kDns),
      Refused(Reason::kProxyDenied, Source::kProxy, 502),
      Refused(Reason::kProxyProtocolError, Source::kProxy),
  };
  for (const Failure& failure : passing) {
    ConnectMachine machine({Plan(Proxy(ProxyKind::kHttp, "first.test"), true),
                            Plan(Proxy(ProxyKind::kHttp, "second.test"), true)},
                           kStart);
    machine.Begin(kStart);
    EXPECT_EQ(machine.deadline(), kStart + seconds(5)) << "the second keeps its share";
    ASSERT_EQ(machine.OnStepFailed(failure, kStart + seconds(1)), ConnectStep::kTcp);
    EXPECT_EQ(machine.plan().host, "second.test");
    EXPECT_EQ(machine.deadline(), kStart + seconds(10)) << "what the first left is the second's";
  }
}

TEST(ConnectMachine, TakesARefusalForAnAnswer_O307) {
  const std::vector<Failure> final_ones = {
      Refused(Reason::kProxyDenied, Source::kProxy, 403),
      Refused(Reason::kProxyAuthenticationRequired, Source::kProxy, 407),
      Refused(Reason::kTlsCertificateError, Source::kTls),
      Refused(Reason::kDestinationIpProhibited, Source::kPolicy),
  };
  for (const Failure& failure : final_ones) {
    ConnectMachine machine({Plan(Proxy(ProxyKind::kHttp, "first.test"), true), Plan(nullptr, true)},
                           kStart);
    machine.Begin(kStart);
    machine.OnStepDone(kStart);
    EXPECT_EQ(machine.OnStepFailed(failure, kStart), ConnectStep::kFailed);
    EXPECT_EQ(machine.failure().reason, failure.reason);
  }
}

TEST(ConnectMachine, EndsWithTheLastPlansFailure_O307) {
  ConnectMachine machine({Plan(Proxy(ProxyKind::kHttp, "first.test"), true),
                          Plan(Proxy(ProxyKind::kHttp, "second.test"), true)},
                         kStart);
  machine.Begin(kStart);
  machine.OnStepFailed(Refused(Reason::kConnectionRefused, Source::kOrigin), kStart);
  ASSERT_EQ(machine.OnStepFailed(Refused(Reason::kConnectionTimeout, Source::kOrigin), kStart),
            ConnectStep::kFailed);
  EXPECT_EQ(machine.failure().reason, Reason::kConnectionTimeout);
  EXPECT_NE(machine.failure().message.find("second.test"), std::string::npos);
}

TEST(ConnectMachine, BeginsNoPlanAfterTheBudget_K6) {
  ConnectMachine machine({Plan(Proxy(ProxyKind::kHttp, "first.test"), true), Plan(nullptr, true)},
                         kStart);
  machine.Begin(kStart);
  EXPECT_EQ(machine.OnStepFailed(Refused(Reason::kConnectionTimeout, Source::kOrigin),
                                 kStart + seconds(10)),
            ConnectStep::kFailed);
}

TEST(SpokenProtocol, FollowsAlpnWithinWhatWasOffered_X4_O229_O230) {
  using enum AlpnOffer;
  struct Row {
    AlpnOffer offer;
    std::string_view alpn;
    std::optional<Spoken> spoken;
  };
  const std::vector<Row> rows = {
      {kBoth, "h2", Spoken::kHttp2},      {kBoth, "http/1.1", Spoken::kHttp1},
      {kBoth, "", Spoken::kHttp1},        {kBoth, "h3", std::nullopt},
      {kHttp1, "h2", std::nullopt},       {kHttp1, "", Spoken::kHttp1},
      {kHttp2, "h2", Spoken::kHttp2},     {kHttp2, "", std::nullopt},
      {kHttp2, "http/1.1", std::nullopt},
  };
  for (const Row& row : rows) {
    ConnectPlan plan = Plan(nullptr, true);
    plan.origin_tls->alpn = row.offer;
    const Result<Spoken> spoken = SpokenProtocol(plan, row.alpn);
    ASSERT_EQ(spoken.has_value(), row.spoken.has_value()) << row.alpn;
    if (spoken.has_value()) {
      EXPECT_EQ(*spoken, *row.spoken) << row.alpn;
    } else {
      EXPECT_EQ(spoken.error().delivery, Delivery::kNotSent);
    }
  }
}

TEST(SpokenProtocol, EscapesWhatTheOriginChose_O248) {
  ConnectPlan plan = Plan(nullptr, true);
  plan.origin_tls->alpn = AlpnOffer::kBoth;
  const Result<Spoken> spoken = SpokenProtocol(plan, "\x1b[31m\n");
  ASSERT_TRUE(spoken.has_error());
  EXPECT_EQ(spoken.error().message.find('\x1b'), std::string::npos);
  EXPECT_EQ(spoken.error().message.find('\n'), std::string::npos);
}

TEST(SpokenProtocol, IsHttp2InClearTextOnlyByPriorKnowledge_H21) {
  ConnectPlan plan = Plan(nullptr, false);
  EXPECT_EQ(*SpokenProtocol(plan, ""), Spoken::kHttp1);
  plan.protocol = Protocol::kH2c;
  EXPECT_EQ(*SpokenProtocol(plan, ""), Spoken::kHttp2);
}

}  // namespace
}  // namespace spillway
