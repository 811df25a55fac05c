// Large bodies each way over Stream: every byte right, and the daemon's memory flat.
//
// The long form, 4 GiB: bazel test //tests/integration:bulk_full_test --test_output=all

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "tests/harness/await.h"
#include "tests/harness/process_memory.h"
#include "tests/integration/bulk_origin.h"
#include "tests/integration/bulk_pattern.h"
#include "tests/origin/text.h"
#include "tests/server/daemon_operator.h"
#include "tests/server/daemon_process.h"
#include "tests/server/stream_client.h"

namespace spillway {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kMaxGrowth = 32 * kMiB;
constexpr std::chrono::minutes kPatience(30);

std::uint64_t bytes_each_way = 64 * kMiB;

// Told once for each size, so that the figures are not of this.
std::uint32_t ChecksumOf(std::uint64_t bytes) {
  static std::map<std::uint64_t, std::uint32_t> known;
  const auto [at, added] = known.try_emplace(bytes, 0);
  if (added) at->second = BulkChecksum(bytes);
  return at->second;
}

class Bulk : public testing::TestWithParam<bool> {  // HTTP/2, or HTTP/1.1
 protected:
  Bulk() : origin_(GetParam()), daemon_({.flags = {"--config=" + Config()}}) {
    if (!daemon_.AwaitLine("ready")) ADD_FAILURE() << daemon_.log();
    stub_ = v1::Egress::NewStub(
        grpc::CreateChannel(daemon_.address("grpc"), grpc::InsecureChannelCredentials()));
    // What the first exchange of its kind allocates is not what one of this size does.
    EXPECT_TRUE(Download(kMiB));
    EXPECT_TRUE(Upload(kMiB, true));
    ChecksumOf(bytes_each_way);
    before_ = MemoryOf(daemon_.pid());
    EXPECT_TRUE(ForgetPeak(daemon_.pid()));
    start_ = std::chrono::steady_clock::now();
  }

  // The rest of what each test holds the daemon to.
  void CheckEnd(const char* what) {
    const double took =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const ProcessMemory after = MemoryOf(daemon_.pid());
    const auto megabytes = [](std::uint64_t bytes) {
      return static_cast<double>(bytes) / static_cast<double>(kMiB);
    };
    std::printf("%s %s: %.0f MiB in %.2f s, %.0f MiB/s; daemon %.1f MiB before, %.1f at most\n",
                GetParam() ? "HTTP/2" : "HTTP/1.1", what, megabytes(bytes_each_way), took,
                megabytes(bytes_each_way) / took, megabytes(before_.resident),
                megabytes(after.peak));
    EXPECT_GE(after.peak, before_.resident / 2) << "no peak to judge by";
    EXPECT_LE(after.peak, before_.resident + kMaxGrowth);
    DaemonOperator admin(daemon_.address("admin"));
    EXPECT_TRUE(AwaitThat([&] { return admin.Quiet(); })) << admin.Pools().ShortDebugString();
    daemon_.Signal(SIGTERM);
    EXPECT_EQ(daemon_.Wait(), 0);
    EXPECT_NE(daemon_.log().find(" leaked=0 leaked_bytes=0"), std::string::npos) << daemon_.log();
  }

  bool Download(std::uint64_t bytes) {
    StreamClient client(*stub_, kPatience);
    client.Get(origin_.url("/down/" + std::to_string(bytes)));
    client.HalfClose();
    BulkReader reader;
    bool ended = false;
    while (std::optional<v1::StreamResponse> frame = client.Read()) {
      EXPECT_FALSE(ended);
      if (frame->has_head()) reader.Add(frame->head().body());
      if (frame->has_data()) reader.Add(frame->data());
      ended = frame->has_trailers();
    }
    const grpc::Status status = client.Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(reader.bytes(), bytes);
    EXPECT_TRUE(reader.right());
    return ended && reader.checksum() == ChecksumOf(bytes);
  }

  bool Upload(std::uint64_t bytes, bool length_known) {
    StreamClient client(*stub_, kPatience);
    v1::HttpRequest head;
    head.set_method("POST");
    head.set_url(origin_.url("/up"));
    if (length_known) head.set_content_length(bytes);
    bool open = client.Head(head);
    v1::StreamRequest frame;
    for (std::uint64_t at = 0; open && at < bytes;) {
      const std::string_view piece =
          BulkAt(at, static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, kMaxBulkPiece)));
      frame.mutable_data()->assign(piece);
      open = client.Send(frame);
      at += piece.size();
    }
    client.HalfClose();
    const StreamClient::Answer answer = client.ReadAll();
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_EQ(answer.body,
              std::to_string(bytes) + " " + std::to_string(ChecksumOf(bytes)) + " right");
    return open && answer.trailers.size() == 1;
  }

 private:
  static std::string Config() {
    const char* folder = std::getenv("TEST_TMPDIR");
    const std::string name = std::string(folder != nullptr ? folder : "/tmp") + "/bulk.yaml";
    std::ofstream(name) << "defaults: {protocol: " << (GetParam() ? "h2c" : "http/1.1") << "}\n";
    return name;
  }

  BulkOrigin origin_;
  DaemonProcess daemon_;
  std::unique_ptr<v1::Egress::Stub> stub_;
  ProcessMemory before_;
  std::chrono::steady_clock::time_point start_;
};

TEST_P(Bulk, DownloadsEveryByteInFlatMemory) {
  EXPECT_TRUE(Download(bytes_each_way));
  CheckEnd("down");
}

TEST_P(Bulk, UploadsEveryByteOfKnownLengthInFlatMemory) {
  EXPECT_TRUE(Upload(bytes_each_way, true));
  CheckEnd("up, length known");
}

TEST_P(Bulk, UploadsEveryByteOfUnknownLengthInFlatMemory) {
  EXPECT_TRUE(Upload(bytes_each_way, false));
  CheckEnd("up, length unknown");
}

INSTANTIATE_TEST_SUITE_P(Protocols, Bulk, testing::Bool(),
                         [](const auto& http2) { return http2.param ? "Http2" : "Http1"; });

}  // namespace
}  // namespace spillway

// --bytes=N: each way.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  constexpr std::string_view kFlag = "--bytes=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto bytes = argument.starts_with(kFlag)
                           ? spillway::ReadNumber(argument.substr(kFlag.size()))
                           : std::nullopt;
    if (!bytes.has_value()) return 2;
    spillway::bytes_each_way = *bytes;
  }
  return RUN_ALL_TESTS();
}
