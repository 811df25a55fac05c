// Very many calls of Stream at once through one daemon: what each costs, what becomes of one too
// many (C-045), and what callers that do not read make the daemon hold (C-041).

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/harness/await.h"
#include "tests/harness/process_memory.h"
#include "tests/integration/bulk_origin.h"
#include "tests/integration/bulk_pattern.h"
#include "tests/server/daemon_operator.h"
#include "tests/server/daemon_process.h"
#include "tests/server/stream_client.h"

namespace spillway {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;

// What all calls of a test wait on.
class Tally {
 public:
  void Add(int Tally::*what) {
    const std::lock_guard<std::mutex> lock(mu_);
    ++(this->*what);
    changed_.notify_all();
  }
  bool Await(int Tally::*what, int count) {
    std::unique_lock<std::mutex> lock(mu_);
    return changed_.wait_for(lock, std::chrono::seconds(120), [&] { return this->*what >= count; });
  }

  int begun = 0;   // have a head and a piece of the body
  int pieces = 0;  // frames of data that were asked for one by one
  int done = 0;
  int well = 0;  // ended with OK behind the last frame

 private:
  std::mutex mu_;
  std::condition_variable changed_;
};

// One call: reads its head and first piece, then either the rest or only what ReadOne asks for.
class OpenStream final : public grpc::ClientBidiReactor<v1::StreamRequest, v1::StreamResponse> {
 public:
  OpenStream(Tally& tally, bool read_on) : tally_(tally), read_on_(read_on) {}

  void Start(v1::Egress::Stub& stub, const std::string& url) {
    request_.mutable_head()->set_url(url);
    request_.mutable_head()->set_content_length(0);
    stub.async()->Stream(&context_, this);
    StartRead(&response_);
    StartWriteLast(&request_, grpc::WriteOptions());
    AddHold();  // reads that ReadOne starts come from outside
    StartCall();
  }
  void ReadOne() { StartRead(&response_); }
  void LetGo() { RemoveHold(); }
  void Cancel() { context_.TryCancel(); }
  const BulkReader& body() const { return body_; }  // between reads

  void OnReadDone(bool ok) override {
    if (!ok) return;
    bool more = read_on_;
    if (response_.has_data()) {
      body_.Add(response_.data());
      tally_.Add(begun_ ? &Tally::pieces : &Tally::begun);
      begun_ = true;
    } else {
      ended_ = response_.has_trailers();
      more = true;
    }
    if (more) StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    if (status.ok() && ended_) tally_.Add(&Tally::well);
    tally_.Add(&Tally::done);
  }

 private:
  Tally& tally_;
  const bool read_on_;
  grpc::ClientContext context_;
  v1::StreamRequest request_;
  v1::StreamResponse response_;
  BulkReader body_;
  bool begun_ = false;
  bool ended_ = false;
};

std::string Config(bool http2, const std::string& more = "") {
  const char* folder = std::getenv("TEST_TMPDIR");
  const std::string name = std::string(folder != nullptr ? folder : "/tmp") + "/many.yaml";
  std::ofstream(name) << "defaults: {protocol: " << (http2 ? "h2c" : "http/1.1") << "}\n" << more;
  return name;
}

class ManyStreams : public testing::TestWithParam<bool> {  // HTTP/2, or HTTP/1.1
 protected:
  void StartDaemon(const std::string& config) {
    daemon_ =
        std::make_unique<DaemonProcess>(DaemonProcess::Options{.flags = {"--config=" + config}});
    ASSERT_TRUE(daemon_->AwaitLine("ready")) << daemon_->log();
  }

  std::unique_ptr<v1::Egress::Stub> Channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // Else gRPC's windows grow with what it thinks the network can carry.
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    return v1::Egress::NewStub(grpc::CreateCustomChannel(
        daemon_->address("grpc"), grpc::InsecureChannelCredentials(), arguments));
  }

  std::uint64_t Resident() const { return MemoryOf(daemon_->pid()).resident; }

  void CheckEnd() {
    DaemonOperator admin(daemon_->address("admin"));
    EXPECT_TRUE(AwaitThat([&] { return admin.Quiet(); })) << admin.Pools().ShortDebugString();
    daemon_->Signal(SIGTERM);
    EXPECT_EQ(daemon_->Wait(), 0);
    EXPECT_NE(daemon_->log().find(" leaked=0 leaked_bytes=0"), std::string::npos) << daemon_->log();
  }

  Tally tally_;
  std::unique_ptr<DaemonProcess> daemon_;
};

double Milliseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

// True when `level` does not move for a while.
bool StandsStill(const std::function<std::uint64_t()>& level) {
  constexpr std::chrono::milliseconds kAWhile(500);
  const std::uint64_t before = level();
  const auto since = std::chrono::steady_clock::now();
  const auto over = [&] {
    return level() != before || std::chrono::steady_clock::now() - since > kAWhile;
  };
  return AwaitThat(over) && level() == before;
}

class TenThousandStreams : public ManyStreams {};

TEST_P(TenThousandStreams, AreOpenAtOnceAndOneMoreIsRefusedQuickly_C045) {
  constexpr int kChannels = 10;
  constexpr int kStreams = 10'000;  // what the daemon admits unless told otherwise
  constexpr int kTooMany = 100;
  constexpr std::uint64_t kMaxEach = 64 * 1024;
  BulkOrigin origin(true);
  StartDaemon(Config(true));
  std::vector<std::unique_ptr<v1::Egress::Stub>> stubs;
  for (int i = 0; i <= kChannels; ++i) stubs.push_back(Channel());
  const std::uint64_t before = Resident();
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::unique_ptr<OpenStream>> streams;
  for (int i = 0; i < kStreams; ++i) {
    streams.push_back(std::make_unique<OpenStream>(tally_, true));
    streams.back()->Start(*stubs[static_cast<std::size_t>(i % kChannels)], origin.url("/hold"));
  }
  ASSERT_TRUE(tally_.Await(&Tally::begun, kStreams)) << tally_.begun << " " << tally_.done;
  const double opened_ms = Milliseconds(std::chrono::steady_clock::now() - start);
  EXPECT_EQ(tally_.done, 0);
  EXPECT_EQ(origin.open(), kStreams);
  const std::uint64_t each = (Resident() - std::min(before, Resident())) / kStreams;

  std::vector<double> refusals;
  for (int i = 0; i < kTooMany; ++i) {
    const auto asked = std::chrono::steady_clock::now();
    StreamClient client(*stubs[kChannels]);
    client.Get(origin.url("/hold"));
    const grpc::Status status = client.ReadAll().status;
    refusals.push_back(Milliseconds(std::chrono::steady_clock::now() - asked));
    ASSERT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  }
  std::sort(refusals.begin(), refusals.end());
  std::printf(
      "%d streams over %llu connections in %.0f ms, %llu KiB each in the daemon; one more "
      "is refused in %.2f ms (median), %.2f ms at most\n",
      kStreams, static_cast<unsigned long long>(origin.connections()), opened_ms,
      static_cast<unsigned long long>(each / 1024), refusals[kTooMany / 2], refusals.back());
  EXPECT_LE(each, kMaxEach);
  EXPECT_LT(refusals[kTooMany / 4], 5.0) << "ms";
  EXPECT_EQ(origin.open(), kStreams) << "what was refused reached the origin";

  origin.Release();
  for (const auto& stream : streams) stream->LetGo();
  ASSERT_TRUE(tally_.Await(&Tally::done, kStreams));
  EXPECT_EQ(tally_.well, kStreams);
  for (const auto& stream : streams) EXPECT_EQ(stream->body().bytes(), kHeldPiece.size());
  CheckEnd();
}

INSTANTIATE_TEST_SUITE_P(Protocols, TenThousandStreams, testing::Values(true),
                         [](const auto&) { return "Http2"; });

class SlowReaders : public ManyStreams {};

TEST_P(SlowReaders, HoldBackTheOriginAndNotTheDaemonsMemory_C041) {
  constexpr int kReaders = 200;
  constexpr std::uint64_t kBuffer = 256 * 1024;  // stream.buffer_bytes
  constexpr std::uint64_t kConstant = 64 * kMiB;
  // What of a response can be under way outside the daemon: sockets, and gRPC's windows.
  constexpr std::uint64_t kElsewhere = 16 * kMiB;
  BulkOrigin origin(GetParam());
  StartDaemon(Config(GetParam()));
  const auto stub = Channel();
  const std::uint64_t before = Resident();
  std::vector<std::unique_ptr<OpenStream>> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.push_back(std::make_unique<OpenStream>(tally_, false));
    readers.back()->Start(*stub, origin.url("/down/1073741824"));
  }
  ASSERT_TRUE(tally_.Await(&Tally::begun, kReaders)) << tally_.begun << " " << tally_.done;
  // The origin stands still once everything between it and the readers is full.
  const auto stands_still = [&] { return StandsStill([&] { return origin.bytes_sent(); }); };
  ASSERT_TRUE(AwaitThat(stands_still));
  const std::uint64_t stood = origin.bytes_sent();
  const std::uint64_t grown = Resident() - std::min(before, Resident());

  // A piece at a time, for each: what it reads is all that its origin may go on by.
  constexpr int kRounds = 20;
  for (int round = 1; round <= kRounds; ++round) {
    for (const auto& reader : readers) reader->ReadOne();
    ASSERT_TRUE(tally_.Await(&Tally::pieces, round * kReaders));
  }
  ASSERT_TRUE(AwaitThat(stands_still));
  const std::uint64_t later = Resident() - std::min(before, Resident());
  std::uint64_t read = 0;
  for (const auto& reader : readers) {
    read += reader->body().bytes();
    EXPECT_TRUE(reader->body().right());
  }
  std::printf(
      "%s: %d readers: the origin stood at %.1f MiB, at %.1f MiB when %.1f were read; the "
      "daemon grew by %.1f MiB, then %.1f\n",
      GetParam() ? "HTTP/2" : "HTTP/1.1", kReaders,
      static_cast<double>(stood) / static_cast<double>(kMiB),
      static_cast<double>(origin.bytes_sent()) / static_cast<double>(kMiB),
      static_cast<double>(read) / static_cast<double>(kMiB),
      static_cast<double>(grown) / static_cast<double>(kMiB),
      static_cast<double>(later) / static_cast<double>(kMiB));
  EXPECT_LE(grown, kReaders * 2 * kBuffer + kConstant);
  EXPECT_LE(later, kReaders * 2 * kBuffer + kConstant);
  EXPECT_LE(origin.bytes_sent(), read + kReaders * (2 * kBuffer + kElsewhere));
  EXPECT_EQ(tally_.done, 0);

  for (const auto& reader : readers) {
    reader->Cancel();
    reader->LetGo();
  }
  ASSERT_TRUE(tally_.Await(&Tally::done, kReaders));
  EXPECT_TRUE(AwaitThat([&] { return origin.open() == 0; })) << origin.open();
  CheckEnd();
}

INSTANTIATE_TEST_SUITE_P(Protocols, SlowReaders, testing::Bool(),
                         [](const auto& http2) { return http2.param ? "Http2" : "Http1"; });

// Writes for as long as somebody takes it.
class OpenUpload final : public grpc::ClientBidiReactor<v1::StreamRequest, v1::StreamResponse> {
 public:
  OpenUpload(Tally& tally, std::atomic<std::uint64_t>& taken) : tally_(tally), taken_(taken) {}

  void Start(v1::Egress::Stub& stub, const std::string& url) {
    request_.mutable_head()->set_method("POST");
    request_.mutable_head()->set_url(url);
    request_.mutable_head()->set_content_length(1024 * kMiB);
    stub.async()->Stream(&context_, this);
    StartRead(&response_);
    StartWrite(&request_);
    StartCall();
  }
  void Cancel() { context_.TryCancel(); }

  void OnWriteDone(bool ok) override {
    if (!ok) return;
    if (request_.has_data()) {
      taken_ += request_.data().size();
    } else {
      request_.mutable_data()->assign(BulkAt(0, kMaxBulkPiece));
    }
    StartWrite(&request_);
  }
  void OnDone(const grpc::Status& /*status*/) override { tally_.Add(&Tally::done); }

 private:
  Tally& tally_;
  std::atomic<std::uint64_t>& taken_;
  grpc::ClientContext context_;
  v1::StreamRequest request_;
  v1::StreamResponse response_;
};

class StuckOrigins : public ManyStreams {};

// Of C-041, the other way.
TEST_P(StuckOrigins, HoldBackTheCallersAndNotTheDaemonsMemory_C041) {
  constexpr int kCallers = 100;
  constexpr std::uint64_t kBuffer = 256 * 1024;  // stream.buffer_bytes, and gRPC's window
  constexpr std::uint64_t kConstant = 64 * kMiB;
  BulkOrigin origin(GetParam());
  StartDaemon(Config(GetParam()));
  const auto stub = Channel();
  {
    // The one that moves makes gRPC's windows as wide as they get.
    StreamClient client(*stub);
    v1::HttpRequest head;
    head.set_method("POST");
    head.set_url(origin.url("/up"));
    client.Head(head);
    for (int i = 0; i < 1024; ++i) client.Data(std::string(BulkAt(0, kMaxBulkPiece)));
    client.HalfClose();
    EXPECT_TRUE(client.ReadAll().status.ok());
  }
  const std::uint64_t before = Resident();
  std::atomic<std::uint64_t> taken = 0;
  std::vector<std::unique_ptr<OpenUpload>> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.push_back(std::make_unique<OpenUpload>(tally_, taken));
    callers.back()->Start(*stub, origin.url("/stuck"));
  }
  const auto all_begun = [&] { return origin.open() == kCallers; };
  ASSERT_TRUE(AwaitThat(all_begun)) << origin.open();
  ASSERT_TRUE(AwaitThat([&] { return StandsStill([&] { return taken.load(); }); }));
  const std::uint64_t grown = Resident() - std::min(before, Resident());
  std::printf("%s: %d callers: %.1f MiB were taken off them, the daemon grew by %.1f MiB\n",
              GetParam() ? "HTTP/2" : "HTTP/1.1", kCallers,
              static_cast<double>(taken) / static_cast<double>(kMiB),
              static_cast<double>(grown) / static_cast<double>(kMiB));
  EXPECT_LE(grown, kCallers * 2 * kBuffer + kConstant);
  EXPECT_EQ(tally_.done, 0);
  for (const auto& caller : callers) caller->Cancel();
  ASSERT_TRUE(tally_.Await(&Tally::done, kCallers));
  EXPECT_TRUE(AwaitThat([&] { return origin.open() == 0; })) << origin.open();
  CheckEnd();
}

INSTANTIATE_TEST_SUITE_P(Protocols, StuckOrigins, testing::Bool(),
                         [](const auto& http2) { return http2.param ? "Http2" : "Http1"; });

}  // namespace
}  // namespace spillway
