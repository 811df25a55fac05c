#include "server/front.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/server/front_fixture.h"

namespace spillway {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

void Echo(FakeTransport::Exchange& exchange) {
  exchange.Head(200, {});
  exchange.End();
}

HealthCheckResponse::ServingStatus Check(FrontFixture& fixture, const std::string& service) {
  const auto stub = Health::NewStub(fixture.channel);
  grpc::ClientContext context;
  HealthCheckRequest request;
  request.set_service(service);
  HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  return status.ok() ? response.status() : HealthCheckResponse::UNKNOWN;
}

TEST(Front, TellsHealthPerService) {
  FrontFixture fixture(Echo);
  EXPECT_EQ(Check(fixture, ""), HealthCheckResponse::SERVING);
  EXPECT_EQ(Check(fixture, "spillway.v1.Egress"), HealthCheckResponse::SERVING);
  EXPECT_EQ(Check(fixture, "no.such.Service"), HealthCheckResponse::UNKNOWN);
  fixture.front->SetServing(false);
  EXPECT_EQ(Check(fixture, ""), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(Check(fixture, "spillway.v1.Egress"), HealthCheckResponse::NOT_SERVING);
}

TEST(Front, TellsHealthWatchersOfAChange) {
  FrontFixture fixture(Echo);
  const auto stub = Health::NewStub(fixture.channel);
  grpc::ClientContext context;
  HealthCheckRequest request;
  request.set_service("spillway.v1.Egress");
  const auto watch = stub->Watch(&context, request);
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  fixture.front->SetServing(false);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
}

TEST(Front, ReflectsItsServices) {
  // The reflection protocol, by hand: list_services is field 7 of the request; names are field 1 of
  // the entries (field 1) of field 6 of the answer.
  FrontFixture fixture(Echo);
  grpc::ClientContext context;
  const grpc::internal::RpcMethod method(
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      grpc::internal::RpcMethod::BIDI_STREAMING);
  const std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
      grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
          fixture.channel.get(), method, &context));
  const grpc::Slice list("\x3a\x01*", 3);
  ASSERT_TRUE(stream->Write(grpc::ByteBuffer(&list, 1)));
  grpc::ByteBuffer answer;
  ASSERT_TRUE(stream->Read(&answer));
  std::string text;
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(answer.Dump(&slices).ok());
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  for (const char* service : {"spillway.v1.Egress", "grpc.health.v1.Health"}) {
    EXPECT_NE(text.find(service), std::string::npos) << service;
    EXPECT_NE(google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service),
              nullptr)
        << service;
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(Front, ServesOverAUnixSocketWithItsMode) {
  FakeTransport transport(Echo);
  Admission admission{AdmissionLimits{}};
  CallObserver observer;
  EgressService service({.transport = &transport,
                         .admission = &admission,
                         .observer = &observer,
                         .max_response_bytes = 1000});
  const std::string path = TempPath("front.sock");
  FrontOptions options;
  options.listeners.push_back(OpenListener("unix:" + path, 0600));
  options.services = {{EgressService::kName, &service}};
  options.limits.max_connections = 10;
  {
    const std::unique_ptr<Front> front = StartFront(std::move(options));
    struct stat file {};
    ASSERT_EQ(::stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777u, 0600u);
    const auto stub = v1::Egress::NewStub(Connect("unix:" + path));
    grpc::ClientContext context;
    v1::HttpResponse response;
    v1::HttpRequest request = Get();
    request.mutable_options()->set_max_response_bytes(1000);
    const grpc::Status status = stub->RoundTrip(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  struct stat file {};
  EXPECT_NE(::stat(path.c_str(), &file), 0) << "the socket file is gone";
}

TEST(Front, FinishesRunningCallsWhenItStopsAccepting) {
  FrontFixture fixture([](FakeTransport::Exchange&) {});
  grpc::Status status;
  std::thread caller([&] {
    v1::HttpResponse response;
    status = fixture.RoundTrip(Get(), response);
  });
  fixture.transport.AwaitStarted(1);
  fixture.front->StopAccepting();
  fixture.transport.With(1, Echo);
  caller.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

}  // namespace
}  // namespace spillway
