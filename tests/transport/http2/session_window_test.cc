// Flow control of an Http2Session, both ways.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/test_body.h"
#include "tests/transport/http2/session_driver.h"
#include "transport/http2/session.h"

namespace spillway {
namespace {

using h2::Data;
using h2::Headers;
using h2::Settings;
using h2::Window;

const h2::Fields kOk = {{":status", "200"}};

std::shared_ptr<BodySource> Memory(std::string bytes) { return MemoryBody(std::move(bytes)); }

std::string Repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

std::size_t DataBytes(const std::vector<h2::SeenFrame>& frames, std::uint32_t stream) {
  std::size_t bytes = 0;
  for (const h2::SeenFrame& frame : frames) {
    if (frame.type == h2::kData && frame.stream == stream) bytes += frame.payload.size();
  }
  return bytes;
}

bool Ended(const std::vector<h2::SeenFrame>& frames, std::uint32_t stream) {
  return std::any_of(frames.begin(), frames.end(), [stream](const h2::SeenFrame& frame) {
    return frame.stream == stream && frame.Has(h2::kEndStream) &&
           (frame.type == h2::kData || frame.type == h2::kHeaders);
  });
}

// --- Windows ---

// Finding 6, O-195: streams that were cancelled with unread bytes owe the connection nothing.
TEST(Http2Session, GivesBackTheWindowOfCancelledStreams) {
  Http2Limits limits;
  limits.connection_window = 128 * 1024;
  limits.stream_window = 64 * 1024;
  SessionDriver driver(limits);
  driver.Handshake();
  driver.hold_windows = true;
  const std::string piece(16 * 1024, 'x');
  std::uint32_t id = 1;
  for (int i = 0; i < 100; ++i, id += 2) {
    driver.Send();
    driver.Receive(Headers(id, kOk) + Repeat(Data(id, piece), 3));
    driver.session().Reset(static_cast<std::int32_t>(id), Http2Session::ResetCode::kCancel);
    driver.TakeSent();
    driver.Receive(Data(id, piece));  // under way when it heard of the reset
    ASSERT_EQ(driver.failure(), "") << i;
  }
  EXPECT_LE(driver.session().unreturned_window(), 64 * 1024);
  driver.hold_windows = false;
  HeardStream& next = driver.Send();
  driver.Receive(Headers(id, kOk));
  for (int i = 0; i < 64; ++i) driver.Receive(Data(id, piece, i == 63));
  EXPECT_TRUE(next.complete());
  EXPECT_EQ(next.body.size(), 64U * piece.size());
}

// O-194: who does not read stops its own stream only.
TEST(Http2Session, LetsOthersGoOnWhenOneReceiverStops) {
  Http2Limits limits;
  limits.connection_window = 128 * 1024;
  limits.stream_window = 64 * 1024;
  SessionDriver driver(limits);
  driver.Handshake();
  driver.hold_windows = true;
  for (int i = 0; i < 4; ++i) driver.Send();
  driver.hold_windows = false;
  HeardStream& reader = driver.Send();
  const std::string piece(16 * 1024, 'x');
  for (const std::uint32_t id : {1U, 3U, 5U, 7U}) {
    driver.Receive(Headers(id, kOk) + Repeat(Data(id, piece), 4));  // all of its window
  }
  driver.TakeSent();
  driver.Receive(Headers(9, kOk));
  for (int i = 0; i < 100; ++i) driver.Receive(Data(9, piece, i == 99));
  EXPECT_TRUE(reader.complete());
  std::uint64_t given = 0;
  for (const h2::SeenFrame& frame : driver.TakeFrames()) {
    if (frame.type != h2::kWindow) continue;
    EXPECT_TRUE(frame.stream == 0 || frame.stream == 9);
    if (frame.stream == 9) given += frame.Word(0);
  }
  EXPECT_GE(given, 98 * piece.size());
  // O-193: beyond the window of a stream that is not read.
  driver.Receive(Data(1, piece));
  EXPECT_NE(driver.failure() + driver.TakeSentOfStreams(), "");
}

// O-193
TEST(Http2Session, EndsTheConnectionWhenThePeerSendsBeyondItsWindow) {
  Http2Limits limits;
  limits.stream_window = 64 * 1024;
  SessionDriver driver(limits);
  driver.Handshake();
  driver.hold_windows = true;
  HeardStream& stream = driver.Send();
  driver.TakeSent();
  driver.Receive(Headers(1, kOk) + Repeat(Data(1, std::string(16 * 1024, 'x')), 5));
  EXPECT_EQ(stream.body.size(), 64U * 1024);
  EXPECT_EQ(driver.TakeSentOfStreams(), "RST_STREAM 1 FLOW_CONTROL_ERROR");
  EXPECT_EQ(stream.outcome(), "http_protocol_error");
}

// O-196, H14: padding is given back like everything else.
TEST(Http2Session, GivesBackPadding) {
  Http2Limits limits;
  limits.stream_window = 64 * 1024;
  limits.connection_window = 64 * 1024;
  SessionDriver driver(limits);
  driver.Handshake();
  HeardStream& stream = driver.Send();
  driver.Receive(Headers(1, kOk));
  for (int i = 0; i < 1000; ++i) driver.Receive(h2::PaddedData(1, "x", 255, i == 999));
  EXPECT_TRUE(stream.complete());
  EXPECT_EQ(stream.body.size(), 1000U);
}

// O-192: one byte at a time, and the WINDOW_UPDATEs that this takes are no flood.
TEST(Http2Session, UploadsThroughTinyWindows) {
  SessionDriver driver;
  driver.Handshake({{h2::kInitialWindow, 0}});
  driver.Send("POST", Memory(std::string(2000, 'x')));
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1");
  for (int i = 0; i < 2000; ++i) {
    driver.Receive(Window(1, 1) + Window(0, 1));
    ASSERT_EQ(driver.failure(), "") << i;
  }
  const std::vector<h2::SeenFrame> sent = driver.TakeFrames();
  EXPECT_EQ(DataBytes(sent, 1), 2000U);
  EXPECT_TRUE(Ended(sent, 1));
}

// O-136, O-191: a window that stays shut stops that upload and nothing else.
TEST(Http2Session, SendsOtherRequestsWhileAnUploadHasNoWindow) {
  SessionDriver driver;
  driver.Handshake({{h2::kInitialWindow, 0}});
  HeardStream& upload = driver.Send("POST", Memory(std::string(100'000, 'x')));
  driver.Send("GET");
  EXPECT_EQ(driver.TakeSentOfStreams(), "HEADERS 1; HEADERS 3 END_STREAM");
  EXPECT_FALSE(upload.request_sent);
}

// O-135: the window becomes negative and is waited for.
TEST(Http2Session, ResumesAnUploadAfterTheWindowWasLoweredBelowWhatIsUnderWay) {
  SessionDriver driver;
  driver.Handshake();
  driver.Send("POST", Memory(std::string(100'000, 'x')));
  EXPECT_EQ(DataBytes(driver.TakeFrames(), 1), 65'535U);
  driver.Receive(Settings({{h2::kInitialWindow, 10}}) + Window(0, 1'000'000) + Window(1, 65'525));
  EXPECT_EQ(DataBytes(driver.TakeFrames(), 1), 0U);
  driver.Receive(Window(1, 10));
  EXPECT_EQ(DataBytes(driver.TakeFrames(), 1), 10U);
  driver.Receive(Window(1, 1'000'000));
  const std::vector<h2::SeenFrame> rest = driver.TakeFrames();
  EXPECT_EQ(DataBytes(rest, 1), 100'000U - 65'545U);
  EXPECT_TRUE(Ended(rest, 1));
}

// A body is pulled no faster than the socket takes it.
TEST(Http2Session, KeepsLittleOfABodyWhoseOutputIsNotWritten) {
  SessionDriver driver;
  driver.Handshake({{h2::kInitialWindow, 0x7fffffff}});
  driver.Receive(Window(0, 0x7fff0000 - 65535));
  Http2Session& session = driver.session();
  RequestHead head;
  head.method = "POST";
  head.url = {"https", "origin.test", 443, HostKind::kName, "/"};
  HeardStream heard;
  ASSERT_TRUE(session
                  .Submit({&head, Memory(std::string(4'000'000, 'x')), &driver.response_limits},
                          heard, driver.now())
                  .has_value());
  session.Fill();
  EXPECT_LE(session.output().size(), kMaxOutputBytes + 2 * kMaxFrameBytes);
  std::size_t total = 0;
  while (!session.output().empty()) {
    const std::size_t part = std::min<std::size_t>(session.output().size(), 50'000);
    total += part;
    session.Written(part);
    session.Fill();
    ASSERT_LE(session.output().size(), kMaxOutputBytes + 2 * kMaxFrameBytes);
  }
  EXPECT_GT(total, 4'000'000U);
  EXPECT_TRUE(heard.request_sent);
  session.Reset(1, Http2Session::ResetCode::kCancel);
}

// O-137: whatever table the peer offers, ours stays small; and with none it still works.
TEST(Http2Session, ObeysThePeersHeaderTableSize) {
  for (const std::uint32_t size : {0U, 0xffffffffU}) {
    SessionDriver driver;
    driver.Handshake({{h2::kHeaderTableSize, size}});
    for (int i = 0; i < 50; ++i) driver.Send("GET", nullptr, {{"X-" + std::to_string(i), "1"}});
    const std::string sent = driver.TakeSentOfStreams();
    EXPECT_NE(sent.find("HEADERS 99 END_STREAM"), std::string::npos);
    EXPECT_EQ(driver.failure(), "");
  }
}

}  // namespace
}  // namespace spillway
