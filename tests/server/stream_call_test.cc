#include "server/stream_call.h"

#include <gtest/gtest.h>

#include <future>
#include <string>

#include "tests/server/front_fixture.h"
#include "tests/server/stream_client.h"
#include "tests/server/stream_upload.h"

namespace spillway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Exchange = FakeTransport::Exchange;

constexpr char kUrl[] = "http://origin.example/";

v1::HttpRequest Post() {
  v1::HttpRequest head;
  head.set_method("POST");
  head.set_url(kUrl);
  return head;
}

void LeaveOpen(Exchange& /*exchange*/) {}

TEST(StreamCall, CarriesEveryKindOfFrameInOrder) {
  FrontFixture fixture([](Exchange& exchange) {
    exchange.Informational(103);
    exchange.record().attempts = 1;
    exchange.Progress();
    exchange.Head(418, {{"A", "1"}, {"a", "\xff"}}, BodyKind::kChunked);
    exchange.Data(Chunk{"short and ", nullptr});
    exchange.Data(Chunk::Own("stout"));
    exchange.Trailers({{"T", "v"}});
    exchange.record().bytes_received = 77;
    exchange.End();
  });
  StreamClient client(*fixture.stub);
  v1::HttpRequest head = Get();
  head.mutable_options()->set_informational(true);
  client.Head(head);
  client.HalfClose();
  const StreamClient::Answer answer = client.ReadAll();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.order, "ihdt");
  EXPECT_EQ(answer.informational[0].status(), 103u);
  EXPECT_EQ(answer.head->status(), 418u);
  EXPECT_EQ(answer.head->reason(), "Because");
  EXPECT_EQ(answer.head->headers(1).value(), "\xff");
  EXPECT_EQ(answer.head->exchange().attempts(), 1u) << "the exchange so far";
  EXPECT_EQ(answer.body, "short and stout");
  ASSERT_EQ(answer.trailers.size(), 1u);
  EXPECT_EQ(answer.trailers[0].headers(0).name(), "T");
  EXPECT_EQ(answer.trailers[0].exchange().bytes_received(), 77u);
  EXPECT_EQ(fixture.SettledLedger().ok, 1u);
  EXPECT_EQ(fixture.observer.ended(), std::vector<std::string>{"spillway.v1.Egress/Stream OK"});
}

TEST(StreamCall, LeavesOutWhatWasNotAskedFor) {
  FrontFixture fixture([](Exchange& exchange) {
    exchange.Informational(103);
    exchange.Progress();
    exchange.Head(200, {});
    exchange.End();
  });
  StreamClient client(*fixture.stub);
  v1::HttpRequest head = Get();
  head.mutable_options()->set_exchange_detail(v1::EXCHANGE_DETAIL_NONE);
  client.Head(head);
  client.HalfClose();
  const StreamClient::Answer answer = client.ReadAll();
  EXPECT_EQ(answer.order, "ht");
  EXPECT_FALSE(answer.head->has_exchange());
  EXPECT_FALSE(answer.trailers[0].has_exchange());
}

TEST(StreamCall, ShowsTheHeadBeforeThereIsABodyAndEachPieceAtOnce) {
  FrontFixture fixture([](Exchange& exchange) { exchange.Head(200, {}, BodyKind::kChunked); });
  StreamClient client(*fixture.stub);
  client.Get(kUrl);
  EXPECT_EQ(client.Read()->head().status(), 200u);
  for (const char* piece : {"one", "two", "three"}) {
    fixture.transport.With(1, [piece](Exchange& e) { e.Data(Chunk{piece, nullptr}); });
    EXPECT_EQ(client.Read()->data(), piece);
  }
  fixture.transport.With(1, [](Exchange& e) { e.End(); });
  EXPECT_TRUE(client.Read()->has_trailers());
  EXPECT_TRUE(client.Finish().ok());
}

struct Refused {
  const char* name;
  std::function<void(StreamClient&)> send;
  const char* field;
};

TEST(StreamCall, RefusesWhatIsOutOfPlaceNamingIt) {  // C-022
  const auto head = [](StreamClient& client, std::optional<std::uint64_t> length,
                       const std::function<void(v1::HttpRequest&)>& change = nullptr) {
    v1::HttpRequest request = Post();
    if (length.has_value()) request.set_content_length(*length);
    if (change) change(request);
    client.Head(request);
  };
  const Refused rows[] = {
      {"nothing at all", [](StreamClient& c) { c.HalfClose(); }, "head"},
      {"data first", [](StreamClient& c) { c.Data("x"); }, "head"},
      {"trailers first", [](StreamClient& c) { c.Trailer("A", "b"); }, "head"},
      {"an empty frame", [](StreamClient& c) { c.Send({}); }, "frame"},
      {"two heads",
       [&](StreamClient& c) {
         head(c, 5);
         head(c, 5);
       },
       "head"},
      {"C-018 a body that is too long",
       [&](StreamClient& c) {
         head(c, 10);
         c.Data("01234567890");
       },
       "content_length"},
      {"C-018 a body that is too short",
       [&](StreamClient& c) {
         head(c, 10);
         c.Data("012345678");
         c.HalfClose();
       },
       "content_length"},
      {"C-010 a header that says another length",
       [&](StreamClient& c) {
         head(c, 10, [](v1::HttpRequest& request) {
           v1::Header& header = *request.add_headers();
           header.set_name("content-length");
           header.set_value("11");
         });
       },
       "content_length"},
      {"trailers behind a known length",
       [&](StreamClient& c) {
         head(c, 10);
         c.Trailer("A", "b");
       },
       "trailers"},
      {"trailers within the head",
       [&](StreamClient& c) {
         head(c, 10, [](v1::HttpRequest& request) { request.add_trailers()->set_name("A"); });
       },
       "trailers"},
      {"C-020 a trailer that may not be one",
       [&](StreamClient& c) {
         head(c, std::nullopt);
         c.Trailer("Host", "b");
       },
       "trailers[0]"},
      {"an exchange among trailers",
       [&](StreamClient& c) {
         head(c, std::nullopt);
         v1::StreamRequest frame;
         frame.mutable_trailers()->mutable_exchange();
         c.Send(frame);
       },
       "trailers.exchange"},
      {"a bad option",
       [&](StreamClient& c) {
         head(c, 1, [](v1::HttpRequest& request) {
           request.mutable_options()->mutable_timeout()->set_seconds(-1);
         });
       },
       "options.timeout"},
  };
  for (const Refused& row : rows) {
    SCOPED_TRACE(row.name);
    FrontFixture fixture(LeaveOpen);
    StreamClient client(*fixture.stub);
    row.send(client);
    const StreamClient::Answer answer = client.ReadAll();
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ErrorIn(answer.status).field(), row.field);
    fixture.transport.AwaitNoneOpen();
    EXPECT_EQ(fixture.SettledLedger().failed, 1u);
  }
}

TEST(StreamCall, EndsWithTheFailureAfterWhatHadCome) {
  FrontFixture fixture([](Exchange& exchange) {
    exchange.Head(200, {}, BodyKind::kLength, 100);
    exchange.Data(Chunk{"some", nullptr});
    exchange.Fail({.reason = Reason::kHttpResponseIncomplete,
                   .source = Source::kOrigin,
                   .phase = Phase::kBody,
                   .delivery = Delivery::kAnswered,
                   .message = "cut",
                   .field = {},
                   .response_status = 200});
  });
  StreamClient client(*fixture.stub);
  client.Get(kUrl);
  const StreamClient::Answer answer = client.ReadAll();
  EXPECT_EQ(answer.order, "hd") << "no trailers: it was cut";
  EXPECT_EQ(answer.body, "some");
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ErrorIn(answer.status).reason(), v1::REASON_HTTP_RESPONSE_INCOMPLETE);
  EXPECT_EQ(ErrorIn(answer.status).response_status(), 200u);
}

TEST(StreamCall, EndsWellWhileItsCallerStillSends) {
  FrontFixture fixture([](Exchange& exchange) {
    exchange.Head(413, {}, BodyKind::kLength, 0);
    exchange.End();
  });
  StreamClient client(*fixture.stub);
  v1::HttpRequest head = Post();
  head.set_content_length(1'000'000);
  client.Head(head);
  const StreamClient::Answer answer = client.ReadAll();
  EXPECT_TRUE(answer.status.ok());
  EXPECT_EQ(answer.head->status(), 413u);
  EXPECT_EQ(answer.order, "ht");
}

TEST(StreamCall, CutsDataIntoFramesOfAtMost64KiB) {
  std::string body(1'000'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 % 251);
  FrontFixture fixture([&body](Exchange& exchange) {
    exchange.Head(200, {}, BodyKind::kChunked);
    for (const std::size_t size : {1u, 5'000u, 3u, 4'095u, 4'096u, 300'000u, 64u * 1024u}) {
      exchange.Data(Chunk::Own(body.substr(0, size)));
      exchange.Data(Chunk{std::string_view(body).substr(0, size), nullptr});
    }
    exchange.Data(Chunk::Own(body));
    exchange.End();
  });
  StreamClient client(*fixture.stub);
  client.Get(kUrl);
  const StreamClient::Answer answer = client.ReadAll();
  ASSERT_TRUE(answer.status.ok());
  std::string wanted;
  for (const std::size_t size : {1u, 5'000u, 3u, 4'095u, 4'096u, 300'000u, 64u * 1024u}) {
    wanted += body.substr(0, size) + body.substr(0, size);
  }
  EXPECT_EQ(answer.body, wanted + body);
  for (const std::size_t size : answer.data_frames) EXPECT_LE(size, 64u * 1024u);
}

TEST(StreamCall, PausesTheOriginForACallerThatDoesNotRead_C041) {
  std::promise<std::uint64_t> paused_at;
  FrontFixture fixture([&](Exchange& exchange) {
    exchange.Head(200, {}, BodyKind::kChunked);
    const std::string piece(16 * 1024, 'x');
    std::uint64_t sent = 0;
    while (true) {
      sent += piece.size();
      if (exchange.Data(Chunk{piece, nullptr}) == Flow::kPause) break;
    }
    paused_at.set_value(sent);
  });
  StreamClient client(*fixture.stub);
  client.Get(kUrl);
  // What gRPC itself takes off our hands is bounded by its windows.
  const std::uint64_t sent = paused_at.get_future().get();
  EXPECT_LE(sent, 16u * 1024 * 1024);
  EXPECT_TRUE(client.Read()->has_head());
  std::uint64_t read = 0;
  while (read < sent) read += client.Read()->data().size();
  fixture.transport.AwaitResumes(1);
  fixture.transport.With(1, [](Exchange& e) { e.End(); });
  EXPECT_TRUE(client.Read()->has_trailers());
  EXPECT_TRUE(client.Finish().ok());
}

TEST(StreamCall, CountsAsCancelledWhatItsCallerDidNotWaitFor) {
  FrontFixture fixture([](Exchange& exchange) {
    exchange.Head(200, {}, BodyKind::kChunked);
    // Far more than gRPC's windows take off our hands.
    exchange.Data(Chunk::Own(std::string(32 * 1024 * 1024, 'x')));
    exchange.End();
  });
  StreamClient client(*fixture.stub);
  client.Get(kUrl);
  ASSERT_TRUE(client.Read()->has_head());
  fixture.transport.AwaitNoneOpen();
  client.Cancel();
  EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(fixture.SettledLedger().cancelled, 1u);
  EXPECT_EQ(fixture.observer.ended(),
            std::vector<std::string>{"spillway.v1.Egress/Stream CANCELLED"});
}

TEST(StreamCall, TellsAnOpenTunnelsEndsSeparately) {
  FrontFixture fixture([](Exchange& exchange) {
    exchange.Progress();
    exchange.Head(101, {{"Upgrade", "echo"}}, BodyKind::kTunnel);
    exchange.Data(Chunk{"hello", nullptr});
    exchange.OriginClosed();
  });
  StreamClient client(*fixture.stub);
  v1::HttpRequest head = Get();
  const std::pair<const char*, const char*> fields[] = {{"Connection", "upgrade"},
                                                        {"Upgrade", "echo"}};
  for (const auto& [name, value] : fields) {
    v1::Header& header = *head.add_headers();
    header.set_name(name);
    header.set_value(value);
  }
  client.Head(head);
  StreamClient::Answer answer;
  while (answer.trailers.empty()) StreamClient::Add(answer, *client.Read());
  EXPECT_EQ(answer.order, "hdt");
  EXPECT_EQ(answer.head->status(), 101u);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_TRUE(answer.trailers[0].has_exchange());
  // The caller's side is still open.
  client.Data("more");
  client.HalfClose();
  std::promise<Upload> seen;
  fixture.transport.With(1, [&](Exchange& e) {
    auto upload = std::make_shared<Upload>();
    const auto go = std::make_shared<std::function<void(Exchange&)>>();
    *go = [upload, &seen, weak = std::weak_ptr(go)](Exchange& exchange) {
      const auto again = weak.lock();
      upload->end = exchange.Pull(upload->bytes, [again](Exchange& x) { (*again)(x); });
      if (upload->end == BodySource::Status::kPending) return;
      seen.set_value(*upload);
      exchange.End();
    };
    (*go)(e);
  });
  const Upload upload = seen.get_future().get();
  EXPECT_EQ(upload.bytes, "more");
  EXPECT_EQ(upload.end, BodySource::Status::kEnd);
  EXPECT_EQ(client.Read(), std::nullopt) << "one trailers frame only";
  EXPECT_TRUE(client.Finish().ok());
}

TEST(StreamCall, RefusesWhenTooManyCallsRun_C045) {
  FrontFixture fixture(LeaveOpen, {.max_calls = 1});
  StreamClient first(*fixture.stub);
  first.Get(kUrl);
  fixture.transport.AwaitStarted(1);
  StreamClient second(*fixture.stub);
  const StreamClient::Answer answer = second.ReadAll();
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  first.Cancel();
  EXPECT_EQ(first.Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST(StreamCall, GivesUpABodyThatMemoryHasNoRoomFor) {
  FrontFixture fixture(
      [](Exchange& exchange) {
        exchange.Head(200, {}, BodyKind::kChunked);
        exchange.Data(Chunk::Own(std::string(200'000, 'x')));
      },
      {.max_bytes = 100'000});
  StreamClient client(*fixture.stub);
  client.Get(kUrl);
  const StreamClient::Answer answer = client.ReadAll();
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ErrorIn(answer.status).delivery(), v1::DELIVERY_ANSWERED);
  fixture.SettledLedger();
  EXPECT_EQ(fixture.admission.bytes(), 0u);
}

TEST(StreamCall, EndsWhenItsDeadlineIsOver) {
  FrontFixture fixture(LeaveOpen);
  StreamClient client(*fixture.stub, milliseconds(300));
  client.Get(kUrl);
  const StreamClient::Answer answer = client.ReadAll();
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  fixture.transport.AwaitNoneOpen();
}

TEST(StreamCall, PassesAnOpenEndedRequestOnAsSuch) {
  std::promise<std::pair<bool, std::uint64_t>> seen;
  FrontFixture fixture([&](Exchange& exchange) {
    seen.set_value({exchange.request().streamed, exchange.request().max_response_bytes});
    exchange.Head(200, {});
    exchange.End();
  });
  StreamClient client(*fixture.stub);
  client.Get(kUrl);
  EXPECT_TRUE(client.ReadAll().status.ok());
  EXPECT_EQ(seen.get_future().get(), std::make_pair(true, std::uint64_t{0}));
}

}  // namespace
}  // namespace spillway
