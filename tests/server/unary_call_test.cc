#include "server/unary_call.h"

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <future>

#include "tests/server/front_fixture.h"

namespace spillway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

void Echo(FakeTransport::Exchange& exchange) {
  exchange.Head(200, {{"X-Method", exchange.request().method}}, BodyKind::kLength, 0);
  const std::string body = exchange.body();
  if (!body.empty()) exchange.Data(Chunk{body, nullptr});
  exchange.End();
}

void LeaveOpen(FakeTransport::Exchange& /*exchange*/) {}

grpc::Status SendRaw(FrontFixture& fixture, const std::string& bytes) {
  grpc::GenericStub stub(fixture.channel);
  grpc::ClientContext context;
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::CompletionQueue queue;
  const auto call =
      stub.PrepareUnaryCall(&context, "/spillway.v1.Egress/RoundTrip", request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  return status;
}

// A connection to `target` ("127.0.0.1:port").
int ConnectSocket(const std::string& target) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port =
      htons(static_cast<std::uint16_t>(std::stoi(target.substr(target.find(':') + 1))));
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  SPILLWAY_CHECK(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  SPILLWAY_CHECK(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  return fd;
}

TEST(UnaryCall, AnswersWithTheWholeResponse) {
  FrontFixture fixture([](FakeTransport::Exchange& exchange) {
    exchange.Informational(103);
    exchange.Head(418, {{"A", "1"}, {"a", "\xff"}});
    exchange.Data(Chunk{"short and ", nullptr});
    exchange.Data(Chunk::Own("stout"));
    exchange.Trailers({{"T", "v"}});
    exchange.record().attempts = 1;
    exchange.End();
  });
  v1::HttpRequest request = Get();
  request.mutable_options()->set_informational(true);
  v1::HttpResponse response;
  ASSERT_TRUE(fixture.RoundTrip(request, response).ok());
  EXPECT_EQ(response.status(), 418u);
  EXPECT_EQ(response.reason(), "Because");
  EXPECT_EQ(response.body(), "short and stout");
  EXPECT_EQ(response.headers(1).value(), "\xff");
  EXPECT_EQ(response.trailers(0).name(), "T");
  EXPECT_EQ(response.informational(0).status(), 103u);
  EXPECT_EQ(response.exchange().attempts(), 1u);
}

TEST(UnaryCall, TreatsEveryStatusOfTheOriginAsData) {
  FrontFixture fixture([](FakeTransport::Exchange& exchange) {
    exchange.Head(503, {});
    exchange.End();
  });
  v1::HttpResponse response;
  EXPECT_TRUE(fixture.RoundTrip(Get(), response).ok());
  EXPECT_EQ(response.status(), 503u);
}

TEST(UnaryCall, CarriesLargeBodiesBothWays) {
  FrontFixture fixture(Echo);
  std::string body(3'000'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 % 251);
  v1::HttpRequest request = Get();
  request.set_body(body);
  v1::HttpResponse response;
  const grpc::Status status = fixture.RoundTrip(request, response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.body(), body);
}

TEST(UnaryCall, LeavesTheExchangeOutWhenToldTo) {
  FrontFixture fixture(Echo);
  v1::HttpRequest request = Get();
  request.mutable_options()->set_exchange_detail(v1::EXCHANGE_DETAIL_NONE);
  v1::HttpResponse response;
  ASSERT_TRUE(fixture.RoundTrip(request, response).ok());
  EXPECT_FALSE(response.has_exchange());
}

TEST(UnaryCall, TellsAFailureWithItsDetail) {
  FrontFixture fixture([](FakeTransport::Exchange& exchange) {
    exchange.record().attempts = 2;
    exchange.Fail({.reason = Reason::kConnectionTerminated,
                   .source = Source::kOrigin,
                   .phase = Phase::kFirstByte,
                   .delivery = Delivery::kUnknown,
                   .message = "closed early",
                   .field = {},
                   .response_status = 0});
  });
  v1::HttpResponse response;
  const grpc::Status status = fixture.RoundTrip(Get(), response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  const v1::EgressError error = ErrorIn(status);
  EXPECT_EQ(error.reason(), v1::REASON_CONNECTION_TERMINATED);
  EXPECT_EQ(error.delivery(), v1::DELIVERY_UNKNOWN);
  EXPECT_EQ(error.attempts(), 2u);
  EXPECT_TRUE(error.has_exchange());
}

TEST(UnaryCall, RefusesACookieJarWhereThereAreNoneWithoutStarting) {  // C-075
  FrontFixture fixture(Echo);
  v1::HttpRequest request = Get();
  request.mutable_options()->set_cookie_jar("session");
  v1::HttpResponse response;
  const grpc::Status status = fixture.RoundTrip(request, response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ErrorIn(status).field(), "options.cookie_jar");
  EXPECT_EQ(ErrorIn(status).delivery(), v1::DELIVERY_NOT_SENT);
  EXPECT_EQ(fixture.SettledLedger().failed, 1u);
}

TEST(UnaryCall, EndsACallThatTheTransportRefusesAtOnce) {
  FrontFixture fixture(Echo);
  v1::HttpResponse response;
  const grpc::Status status = fixture.RoundTrip(Get(""), response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ErrorIn(status).field(), "url");
}

TEST(UnaryCall, RefusesBytesThatAreNoRequest) {  // C-022
  FrontFixture fixture(Echo);
  for (const std::string bytes : {"\x12\x02\xc0\x80", "\x0a\x7f", "\x0c"}) {
    const grpc::Status status = SendRaw(fixture, bytes);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ErrorIn(status).reason(), v1::REASON_HTTP_REQUEST_ERROR);
  }
}

TEST(UnaryCall, EndsBeforeTheGrpcDeadlineWithItsDetail) {  // C-036
  FrontFixture fixture(LeaveOpen);
  v1::HttpResponse response;
  const grpc::Status status = fixture.RoundTrip(Get(), response, milliseconds(600));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(ErrorIn(status).reason(), v1::REASON_DEADLINE_EXCEEDED);
}

TEST(UnaryCall, EndsWhenItsOwnTimeoutIsOver) {
  FrontFixture fixture(LeaveOpen);
  v1::HttpRequest request = Get();
  request.mutable_options()->mutable_timeout()->set_nanos(30'000'000);
  v1::HttpResponse response;
  const grpc::Status status = fixture.RoundTrip(request, response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(ErrorIn(status).phase(), v1::PHASE_FIRST_BYTE);
}

TEST(UnaryCall, CancelsTheExchangeWhenTheCallerCancels) {  // C-037
  FrontFixture fixture(LeaveOpen);
  grpc::ClientContext context;
  std::future<grpc::Status> ended = std::async(std::launch::async, [&] {
    v1::HttpResponse response;
    return fixture.stub->RoundTrip(&context, Get(), &response);
  });
  fixture.transport.AwaitStarted(1);
  context.TryCancel();
  EXPECT_EQ(ended.get().error_code(), grpc::StatusCode::CANCELLED);
  fixture.transport.AwaitNoneOpen();
  EXPECT_EQ(fixture.transport.cancels(), 1u);
}

TEST(UnaryCall, CancelsEveryExchangeWhenTheCallersConnectionGoesAway) {  // C-040
  FrontFixture fixture(LeaveOpen);
  constexpr std::uint64_t kCalls = 200;
  const int socket = ConnectSocket(fixture.target);
  const auto stub = v1::Egress::NewStub(grpc::CreateInsecureChannelFromFd("caller", socket));
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientAsyncResponseReader<v1::HttpResponse>>> calls;
  std::vector<v1::HttpResponse> responses(kCalls);
  std::vector<grpc::Status> statuses(kCalls);
  grpc::CompletionQueue queue;
  for (std::uint64_t i = 0; i < kCalls; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    calls.push_back(stub->AsyncRoundTrip(contexts.back().get(), Get(), &queue));
    calls.back()->Finish(&responses[i], &statuses[i], nullptr);
  }
  fixture.transport.AwaitStarted(kCalls);
  std::promise<void> empty;
  fixture.admission.StopAdmitting([&] { empty.set_value(); });
  ::shutdown(socket, SHUT_RDWR);
  empty.get_future().get();
  const CallLedger ledger = fixture.admission.ledger();
  EXPECT_EQ(ledger.cancelled, kCalls);
  EXPECT_EQ(ledger.running, 0u);
  void* tag = nullptr;
  bool ok = false;
  for (std::uint64_t i = 0; i < kCalls; ++i) ASSERT_TRUE(queue.Next(&tag, &ok));
}

TEST(UnaryCall, HasOneOutcomeWhenCancelAndCompletionRace) {  // C-038
  FrontFixture fixture(LeaveOpen);
  constexpr std::uint64_t kRounds = 300;
  std::uint64_t ok = 0;
  for (std::uint64_t i = 1; i <= kRounds; ++i) {
    grpc::ClientContext context;
    std::future<grpc::Status> ended = std::async(std::launch::async, [&] {
      v1::HttpResponse response;
      return fixture.stub->RoundTrip(&context, Get(), &response);
    });
    fixture.transport.AwaitStarted(i);
    fixture.transport.With(i, [](FakeTransport::Exchange& exchange) {
      exchange.Head(200, {});
      exchange.End();
    });
    context.TryCancel();
    const grpc::Status status = ended.get();
    EXPECT_TRUE(status.ok() || status.error_code() == grpc::StatusCode::CANCELLED);
    if (status.ok()) ++ok;
  }
  fixture.transport.AwaitNoneOpen();
  const CallLedger ledger = fixture.SettledLedger();
  EXPECT_EQ(ledger.ok + ledger.cancelled, kRounds);
  EXPECT_GE(ledger.ok, ok);
  EXPECT_EQ(ledger.running, 0u);
}

TEST(UnaryCall, RefusesCallsAboveTheCapAtOnce) {  // C-045
  FrontFixture fixture(LeaveOpen, AdmissionLimits{.max_calls = 1});
  grpc::ClientContext first;
  std::future<grpc::Status> running = std::async(std::launch::async, [&] {
    v1::HttpResponse response;
    return fixture.stub->RoundTrip(&first, Get(), &response);
  });
  fixture.transport.AwaitStarted(1);
  v1::HttpResponse response;
  const grpc::Status status = fixture.RoundTrip(Get(), response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ErrorIn(status).delivery(), v1::DELIVERY_NOT_SENT);
  first.TryCancel();
  running.get();
}

TEST(UnaryCall, GivesUpABodyThatTheMemoryDoesNotHold) {
  FrontFixture fixture(
      [](FakeTransport::Exchange& exchange) {
        exchange.Head(200, {});
        for (int i = 0; i < 10; ++i) exchange.Data(Chunk{std::string(50'000, 'x'), nullptr});
        exchange.End();
      },
      AdmissionLimits{.max_calls = 10, .max_bytes = 200'000});
  v1::HttpResponse response;
  const grpc::Status status = fixture.RoundTrip(Get(), response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ErrorIn(status).delivery(), v1::DELIVERY_ANSWERED);
  EXPECT_EQ(ErrorIn(status).response_status(), 200u);
}

TEST(UnaryCall, RefusesAMessageAboveTheServersLimit) {  // C-035
  FrontLimits limits;
  limits.max_request_message_bytes = 100'000;
  FrontFixture fixture(Echo, {}, limits);
  v1::HttpRequest request = Get();
  request.set_body(std::string(200'000, 'x'));
  v1::HttpResponse response;
  EXPECT_EQ(fixture.RoundTrip(request, response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(fixture.admission.ledger().admitted, 0u);
}

TEST(UnaryCall, CountsTheLimitOnTheUnpackedMessage) {  // C-054
  FrontLimits limits;
  limits.max_request_message_bytes = 100'000;
  FrontFixture fixture(Echo, {}, limits);
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  v1::HttpRequest request = Get();
  request.set_body(std::string(10'000'000, '0'));  // some 10 KiB when compressed
  v1::HttpResponse response;
  EXPECT_EQ(fixture.stub->RoundTrip(&context, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(fixture.admission.ledger().admitted, 0u);
}

TEST(UnaryCall, TellsTheObserverOfEveryCallOnce) {
  FrontFixture fixture(Echo);
  v1::HttpResponse response;
  fixture.RoundTrip(Get(), response);
  fixture.RoundTrip(Get(""), response);
  EXPECT_EQ(fixture.observer.started(), (std::vector<std::string>{"spillway.v1.Egress/RoundTrip",
                                                                  "spillway.v1.Egress/RoundTrip"}));
  EXPECT_EQ(fixture.observer.ended(),
            (std::vector<std::string>{"spillway.v1.Egress/RoundTrip OK",
                                      "spillway.v1.Egress/RoundTrip INVALID_ARGUMENT"}));
}

}  // namespace
}  // namespace spillway
