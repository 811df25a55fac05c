// The request body of a Stream call, from frames to what the transport pulls.

#include "tests/server/stream_upload.h"

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/front_fixture.h"
#include "tests/server/loopback.h"
#include "tests/server/stream_client.h"

namespace spillway {
namespace {

using Exchange = FakeTransport::Exchange;

v1::HttpRequest Post() {
  v1::HttpRequest head;
  head.set_method("POST");
  head.set_url("http://origin.example/");
  return head;
}

void LeaveOpen(Exchange& /*exchange*/) {}

struct Sent {
  const char* name;
  std::optional<std::uint64_t> content_length;
  std::string first_piece;
  std::vector<std::string> data;
  bool trailer;
  std::optional<std::uint64_t> length;  // that the transport is told
};

TEST(StreamUpload, TellsTheTransportWhatIsKnownOfTheBody) {
  const Sent rows[] = {
      {"length 0", 0, "", {}, false, 0},
      {"nothing, closed at once (F3)", std::nullopt, "", {}, false, 0},
      {"a piece with the head, closed at once", std::nullopt, "abc", {}, false, 3},
      {"pieces", std::nullopt, "", {"ab", "c"}, false, std::nullopt},
      {"pieces after one with the head", std::nullopt, "a", {"b", "c"}, false, std::nullopt},
      {"a known length", 3, "", {"ab", "c"}, false, 3},
      {"a known length with the head", 3, "abc", {}, false, 3},
      {"trailers (F8)", std::nullopt, "", {"abc"}, true, std::nullopt},
      {"trailers and no body", std::nullopt, "", {}, true, std::nullopt},
  };
  for (const Sent& row : rows) {
    SCOPED_TRACE(row.name);
    std::promise<Upload> seen;
    FrontFixture fixture{BodyReader(seen)};
    StreamClient client(*fixture.stub);
    v1::HttpRequest head = Post();
    if (row.content_length.has_value()) head.set_content_length(*row.content_length);
    head.set_body(row.first_piece);
    client.Head(head);
    std::string all = row.first_piece;
    for (const std::string& piece : row.data) {
      client.Data(piece);
      all += piece;
    }
    if (row.trailer) client.Trailer("X-Sum", "9");
    client.HalfClose();
    const StreamClient::Answer answer = client.ReadAll();
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    const Upload upload = seen.get_future().get();
    EXPECT_EQ(upload.end, BodySource::Status::kEnd);
    EXPECT_EQ(upload.bytes, all);
    EXPECT_EQ(upload.length, row.length);
    EXPECT_EQ(upload.trailers, row.trailer ? (HeaderList{{"X-Sum", "9"}}) : HeaderList{});
  }
}

TEST(StreamUpload, StartsAStreamWithoutALengthWhenNothingFollowsTheHead_F3) {
  std::promise<Upload> seen;
  FrontFixture fixture{BodyReader(seen)};
  StreamClient client(*fixture.stub);
  client.Head(Post());
  fixture.transport.AwaitStarted(1);  // by the time that the wait takes
  client.Data("late");
  client.HalfClose();
  EXPECT_TRUE(client.ReadAll().status.ok());
  const Upload upload = seen.get_future().get();
  EXPECT_EQ(upload.bytes, "late");
  EXPECT_EQ(upload.length, std::nullopt);
}

TEST(StreamUpload, NeverEndsABodyWhoseCallerGoesAway_C019) {
  for (const bool known_length : {true, false}) {
    std::promise<Upload> seen;
    FrontFixture fixture{BodyReader(seen)};
    {
      StreamClient client(*fixture.stub);
      v1::HttpRequest head = Post();
      if (known_length) head.set_content_length(8);
      client.Head(head);
      client.Data("half");
      fixture.transport.AwaitStarted(1);
      client.Cancel();
      EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::CANCELLED);
    }
    const Upload upload = seen.get_future().get();
    EXPECT_EQ(upload.end, BodySource::Status::kError);
    EXPECT_EQ(upload.failure.reason, Reason::kCancelled);
    EXPECT_EQ(fixture.SettledLedger().cancelled, 1u);
  }
}

TEST(StreamUpload, NeverEndsABodyWhoseCallersConnectionBreaks_C019_C040) {
  std::promise<Upload> seen;
  FrontFixture fixture{BodyReader(seen)};
  const int socket = DialLoopback(PortOf(fixture.target));
  ASSERT_EQ(::fcntl(socket, F_SETFL, O_NONBLOCK), 0);
  const auto stub = v1::Egress::NewStub(grpc::CreateInsecureChannelFromFd("caller", socket));
  StreamClient client(*stub);
  client.Head(Post());
  client.Data("half");
  fixture.transport.AwaitStarted(1);
  ASSERT_EQ(::shutdown(socket, SHUT_RDWR), 0);
  const Upload upload = seen.get_future().get();
  EXPECT_EQ(upload.end, BodySource::Status::kError);
  EXPECT_FALSE(client.Finish().ok());
  EXPECT_EQ(fixture.SettledLedger().cancelled, 1u);
}

TEST(StreamUpload, StopsReadingFromACallerWhoseOriginTakesNothing_C041) {
  FrontFixture fixture(LeaveOpen);
  StreamClient client(*fixture.stub);
  v1::HttpRequest head = Post();
  head.set_content_length(std::uint64_t{1} << 40);
  client.Head(head);
  std::thread writer([&] {
    const std::string piece(64 * 1024, 'x');
    while (client.Data(piece)) {
    }
  });
  fixture.transport.AwaitStarted(1);
  while (fixture.admission.bytes() < 256 * 1024) std::this_thread::yield();
  // One frame may have come when there was room for less. A frame weighs a little more than it
  // carries.
  constexpr std::uint64_t kMost = 256 * 1024 + 64 * 1024 + 1024;
  EXPECT_LE(fixture.admission.bytes(), kMost);
  std::string taken;
  const std::function<void(Exchange&)> take = [&](Exchange& exchange) {
    EXPECT_EQ(exchange.Pull(taken, take), BodySource::Status::kPending);
    EXPECT_LE(fixture.admission.bytes(), kMost);
    if (taken.size() >= 20'000'000) exchange.Fail({.reason = Reason::kConnectionTerminated});
  };
  fixture.transport.With(1, take);
  const StreamClient::Answer answer = client.ReadAll();
  writer.join();
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_GE(taken.size(), 20'000'000u);
  fixture.SettledLedger();
  EXPECT_EQ(fixture.admission.bytes(), 0u);
}

// A frame of `size` bytes of body, made longer by fields that nobody knows.
std::string Padded(std::size_t size, std::size_t padding) {
  v1::StreamRequest frame;
  frame.set_data(std::string(size, 'x'));
  frame.GetReflection()->MutableUnknownFields(&frame)->AddLengthDelimited(
      100, std::string(padding, 'p'));
  return frame.SerializeAsString();
}

// How many of `frame`s a call takes whose origin takes nothing, and what they weigh at least.
void ExpectFullAfter(const std::string& frame, std::uint64_t frames, std::uint64_t weight) {
  FrontFixture fixture(LeaveOpen);
  StreamClient client(*fixture.stub);
  v1::StreamRequest wire;
  ASSERT_TRUE(wire.ParseFromString(frame));
  v1::HttpRequest head = Post();
  head.set_content_length(std::uint64_t{1} << 40);
  client.Head(head);
  fixture.transport.AwaitStarted(1);
  const std::uint64_t before = fixture.admission.bytes();
  std::thread writer([&] {
    while (client.Send(wire)) {
    }
  });
  while (fixture.admission.bytes() < before + weight) std::this_thread::yield();
  std::string taken;
  fixture.transport.With(1, [&](Exchange& exchange) {
    // What is here now; nothing more is read before something is taken.
    EXPECT_LE(fixture.admission.bytes() - before, 256u * 1024 + 2 * frame.size() + 512);
    exchange.Pull(taken);
    exchange.Fail({.reason = Reason::kConnectionTerminated});
  });
  EXPECT_FALSE(client.ReadAll().status.ok());
  writer.join();
  EXPECT_GE(taken.size(), wire.data().size() * frames);
  fixture.SettledLedger();
  EXPECT_EQ(fixture.admission.bytes(), 0u);
}

TEST(StreamUpload, WeighsAFrameByWhatItHoldsInMemory_C041) {
  // Tiny ones have a price of their own: a thousand fill the buffer.
  ExpectFullAfter(Padded(1, 0), 1000, 256 * 1024);
  // One that is most of its message is kept with all of it: four messages fill the buffer.
  ExpectFullAfter(Padded(60'000, 15'000), 4, 256 * 1024);
}

TEST(StreamUpload, KeepsNothingOfTheMessageAroundALittleBody_C041) {
  FrontFixture fixture(LeaveOpen);
  StreamClient client(*fixture.stub);
  v1::StreamRequest wire;
  ASSERT_TRUE(wire.ParseFromString(Padded(5'000, 1'000'000)));
  v1::HttpRequest head = Post();
  head.set_content_length(std::uint64_t{1} << 40);
  client.Head(head);
  fixture.transport.AwaitStarted(1);
  const std::uint64_t before = fixture.admission.bytes();
  for (int i = 0; i < 5; ++i) client.Send(wire);
  while (fixture.admission.bytes() < before + std::uint64_t{5} * 5'000) std::this_thread::yield();
  EXPECT_LE(fixture.admission.bytes(), before + std::uint64_t{5} * 5'300);
}

TEST(StreamUpload, GivesBackAllMemoryOfABodyThatPassed) {
  std::promise<Upload> seen;
  FrontFixture fixture{BodyReader(seen)};
  StreamClient client(*fixture.stub);
  client.Head(Post());
  std::string all;
  for (int i = 0; i < 100; ++i) {
    client.Data(std::string(10'000, static_cast<char>('a' + i % 26)));
    all += std::string(10'000, static_cast<char>('a' + i % 26));
  }
  client.HalfClose();
  EXPECT_TRUE(client.ReadAll().status.ok());
  EXPECT_EQ(seen.get_future().get().bytes, all);
  fixture.SettledLedger();
  EXPECT_EQ(fixture.admission.bytes(), 0u);
}

}  // namespace
}  // namespace spillway
