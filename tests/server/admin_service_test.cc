#include "server/admin_service.h"

#include <gtest/gtest.h>

#include "spillway/v1/admin.grpc.pb.h"
#include "tests/server/front_fixture.h"

namespace spillway {
namespace {

PoolSnapshot Pool(const FakeTransport& transport, const std::string& host,
                  const std::string& destination) {
  PoolSnapshot pool;
  pool.key.scheme = "http";
  pool.key.host = host;
  pool.key.port = 8080;
  pool.key.destination = destination;
  pool.destination = destination;
  pool.state.idle = 2;
  pool.state.active = 3;
  pool.state.connecting = 1;
  pool.state.waiting = 4;
  pool.state.grants_idle = 6;
  pool.state.grants_new = 2;
  pool.state.oldest_idle_since = transport.Now() - std::chrono::seconds(5);
  pool.oldest_connection_age = std::chrono::seconds(9);
  return pool;
}

class AdminServiceTest : public testing::Test {
 protected:
  AdminServiceTest()
      : transport_([](FakeTransport::Exchange&) {}),
        service_({.transport = &transport_,
                  .observer = &observer_,
                  .draining = [this] { return drain_requests_ > 0; },
                  .request_drain = [this] { return ++drain_requests_ == 1; },
                  .config = [] { return std::make_shared<const Config>(DefaultConfig()); },
                  .reload = [this](const auto& done) { done(reload_); },
                  .version = "1.2.3",
                  .commit = "abc"}) {
    transport_.snapshot = {Pool(transport_, "b.example", "payments"),
                           Pool(transport_, "a.example", "")};
    FrontOptions options;
    options.listeners.push_back(OpenListener("127.0.0.1:0"));
    const std::string target = options.listeners.front().address().Text();
    options.services = {{AdminService::kName, &service_}};
    options.limits.max_connections = 10;
    front_ = StartFront(std::move(options));
    stub_ = v1::Admin::NewStub(Connect(target));
  }
  ~AdminServiceTest() override { front_->Shutdown(std::chrono::milliseconds(100)); }

  FakeTransport transport_;
  CountingObserver observer_;
  std::atomic<int> drain_requests_{0};
  ReloadOutcome reload_{};
  AdminService service_;
  std::unique_ptr<Front> front_;
  std::unique_ptr<v1::Admin::Stub> stub_;
};

TEST_F(AdminServiceTest, ListsPoolsByTheirKeys) {
  grpc::ClientContext context;
  v1::ListPoolsResponse response;
  ASSERT_TRUE(stub_->ListPools(&context, {}, &response).ok());
  ASSERT_EQ(response.pools_size(), 2);
  const v1::PoolInfo& pool = response.pools(0);
  EXPECT_EQ(pool.host(), "a.example");
  EXPECT_EQ(pool.scheme(), "http");
  EXPECT_EQ(pool.port(), 8080u);
  EXPECT_EQ(pool.key(), transport_.snapshot[1].key.Text());
  EXPECT_EQ(pool.idle(), 2u);
  EXPECT_EQ(pool.active(), 3u);
  EXPECT_EQ(pool.connecting(), 1u);
  EXPECT_EQ(pool.waiting(), 4u);
  EXPECT_DOUBLE_EQ(pool.reuse_ratio(), 0.75);
  EXPECT_GE(pool.oldest_idle_age().seconds(), 5);
  EXPECT_EQ(pool.oldest_connection_age().seconds(), 9);
  EXPECT_FALSE(pool.has_oldest_wait());
  EXPECT_EQ(pool.limits().max_connections(), PoolLimits().max_connections);
  EXPECT_EQ(pool.limits().idle_timeout().seconds(), 50);
  EXPECT_FALSE(pool.limits().has_queue_timeout());
  EXPECT_EQ(pool.totals().grants_idle(), 6u);
  EXPECT_EQ(response.process().connections(), 3u);
  EXPECT_EQ(response.process().connection_limit(), 100u);
  EXPECT_EQ(response.process().version(), "1.2.3");
  EXPECT_FALSE(response.process().draining());
}

TEST_F(AdminServiceTest, FiltersByDestinationOrHost) {
  for (const auto& [filter, host] : std::vector<std::pair<std::string, std::string>>{
           {"payments", "b.example"}, {"a.example", "a.example"}}) {
    grpc::ClientContext context;
    v1::ListPoolsRequest request;
    request.set_filter(filter);
    v1::ListPoolsResponse response;
    ASSERT_TRUE(stub_->ListPools(&context, request, &response).ok());
    ASSERT_EQ(response.pools_size(), 1) << filter;
    EXPECT_EQ(response.pools(0).host(), host);
  }
}

TEST_F(AdminServiceTest, WatchesPoolsUntilTheCallerGoesAway) {
  grpc::ClientContext context;
  v1::WatchPoolsRequest request;
  request.mutable_interval()->set_nanos(100'000'000);
  const auto watch = stub_->WatchPools(&context, request);
  v1::WatchPoolsResponse response;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(watch->Read(&response));
    EXPECT_EQ(response.pools_size(), 2);
  }
  context.TryCancel();
  while (watch->Read(&response)) {
  }
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(AdminServiceTest, RefusesAWatchIntervalOutOfBounds) {
  struct Row {
    std::int64_t seconds;
    std::int32_t nanos;
  };
  for (const Row row : {Row{0, 0}, Row{0, 99'999'999}, Row{3600, 1}, Row{-1, 0},
                        Row{std::numeric_limits<std::int64_t>::max(), 0}}) {
    grpc::ClientContext context;
    v1::WatchPoolsRequest request;
    request.mutable_interval()->set_seconds(row.seconds);
    request.mutable_interval()->set_nanos(row.nanos);
    const grpc::Status status = stub_->WatchPools(&context, request)->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << row.seconds;
    EXPECT_EQ(ErrorIn(status).field(), "interval");
  }
}

TEST_F(AdminServiceTest, PassesOnClosingIdleConnections) {
  grpc::ClientContext context;
  v1::CloseIdleConnectionsRequest request;
  request.set_filter("payments");
  v1::CloseIdleConnectionsResponse response;
  ASSERT_TRUE(stub_->CloseIdleConnections(&context, request, &response).ok());
  EXPECT_EQ(response.closed(), 2u);
  EXPECT_EQ(transport_.closed_idle_filter(), "payments");
}

TEST_F(AdminServiceTest, AsksForADrainOnce) {
  for (const bool again : {false, true}) {
    grpc::ClientContext context;
    v1::DrainResponse response;
    ASSERT_TRUE(stub_->Drain(&context, {}, &response).ok());
    EXPECT_EQ(response.already_draining(), again);
  }
  EXPECT_EQ(drain_requests_, 2);
}

std::shared_ptr<const Policy> SomePolicy() {
  Destination destination;
  destination.name = "partner";
  destination.matches = {{"https", "*.partner.test", {443}}};
  Destination fallback;
  fallback.refuse = true;
  return *Policy::Build(7, {destination}, fallback, RequestFieldLimits());
}

TEST_F(AdminServiceTest, ExplainsOnBehalfOfATenant) {
  transport_.explanation.policy = SomePolicy();
  transport_.explanation.route =
      *PlanRoute(*transport_.explanation.policy, {*ParseUrl("https://a.partner.test/"), "", false});
  transport_.explanation.addresses = {*IpAddress::Parse("192.0.2.1"),
                                      *IpAddress::Parse("10.0.0.1")};
  transport_.explanation.allowed = {true, false};
  grpc::ClientContext context;
  context.AddMetadata("spillway-tenant", "spiffe://t/a");
  v1::HttpRequest request;
  request.set_url("https://a.Partner.test/x");
  v1::ExplainResponse response;
  ASSERT_TRUE(stub_->Explain(&context, request, &response).ok());
  EXPECT_EQ(transport_.explained_,
            (std::pair<std::string, std::string>("https://a.Partner.test/x", "spiffe://t/a")));
  EXPECT_EQ(response.url(), "https://a.partner.test/x");
  EXPECT_EQ(response.destination(), "partner");
  EXPECT_EQ(response.rule(), "https://*.partner.test:443");
  EXPECT_EQ(response.policy_version(), 7U);
  EXPECT_EQ(response.address_source(), "resolver");
  ASSERT_EQ(response.addresses_size(), 2);
  EXPECT_TRUE(response.addresses(0).allowed());
  EXPECT_FALSE(response.addresses(1).allowed());
}

// C-064: a refusal by policy is an answer, with its reason; a URL that is none is a mistake.
TEST_F(AdminServiceTest, ExplainsRefusalsAndRefusesBadUrls) {
  transport_.explanation.policy = SomePolicy();
  transport_.explanation.refusal =
      PlanRoute(*transport_.explanation.policy, {*ParseUrl("https://other.test/"), "", false})
          .error();
  v1::HttpRequest request;
  request.set_url("https://other.test/");
  v1::ExplainResponse response;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(stub_->Explain(&context, request, &response).ok());
  }
  EXPECT_EQ(response.refusal().reason(), Label(Reason::kHttpRequestDenied));
  EXPECT_EQ(response.pool_key(), "");
  EXPECT_EQ(response.destination(), "");
  transport_.explanation.refusal = BadRequest("url", "no host");
  grpc::ClientContext context;
  const grpc::Status status = stub_->Explain(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ErrorIn(status).field(), "url");
}

TEST_F(AdminServiceTest, AnExplanationThatNobodyWaitsForHarmsNothing) {
  transport_.explanation.policy = SomePolicy();
  transport_.explanation.refusal = BadRequest("url", "no host");
  for (int i = 0; i < 50; ++i) {
    grpc::ClientContext context;
    if (i % 2 == 0) context.set_deadline(std::chrono::system_clock::now());
    v1::ExplainResponse response;
    const grpc::Status status = stub_->Explain(&context, {}, &response);
    EXPECT_FALSE(status.ok());
  }
}

TEST_F(AdminServiceTest, ShowsTheConfigurationInForce) {
  grpc::ClientContext context;
  v1::GetConfigResponse response;
  ASSERT_TRUE(stub_->GetConfig(&context, {}, &response).ok());
  EXPECT_EQ(response.yaml(), PrintEffectiveConfig(DefaultConfig()));
  EXPECT_EQ(response.policy_version(), 1U);
}

struct ReloadRow {
  ReloadOutcome::Kind kind;
  grpc::StatusCode code;
  const char* message;  // part of it
};

TEST_F(AdminServiceTest, TellsWhatAReloadDid) {
  const ReloadRow rows[] = {
      {ReloadOutcome::Kind::kApplied, grpc::StatusCode::OK, ""},
      {ReloadOutcome::Kind::kUnchanged, grpc::StatusCode::OK, ""},
      {ReloadOutcome::Kind::kRefused, grpc::StatusCode::FAILED_PRECONDITION, "t:1:1: x: unknown"},
      {ReloadOutcome::Kind::kNoFile, grpc::StatusCode::FAILED_PRECONDITION, "without a config"},
      {ReloadOutcome::Kind::kEnding, grpc::StatusCode::UNAVAILABLE, "ending"},
  };
  for (const ReloadRow& row : rows) {
    reload_ = {row.kind, 3, {}, "t:1:1: x: unknown key\n"};
    reload_.diff.sections = {"unmatched"};
    reload_.diff.needs_restart = {"listen"};
    grpc::ClientContext context;
    v1::ReloadResponse response;
    const grpc::Status status = stub_->Reload(&context, {}, &response);
    EXPECT_EQ(status.error_code(), row.code) << status.error_message();
    EXPECT_NE(status.error_message().find(row.message), std::string::npos)
        << status.error_message();
    if (!status.ok()) continue;
    EXPECT_EQ(response.policy_version(), 3U);
    ASSERT_EQ(response.changes_size(), 1);
    EXPECT_EQ(response.changes(0), "changed: unmatched");
    ASSERT_EQ(response.needs_restart_size(), 1);
    EXPECT_EQ(response.needs_restart(0), "listen");
  }
}

}  // namespace
}  // namespace spillway
