// Large bodies over Stream to and from nginx and Apache: ranges and resumption, uploads of unknown
// length, trailers both ways, Expect: 100-continue.

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/body_origins.h"
#include "tests/integration/configured_daemon.h"
#include "tests/server/stream_client.h"

namespace spillway {
namespace {

using Kind = BodyOrigin::Kind;

constexpr std::size_t kMiB = 1024 * 1024;
constexpr std::size_t kPiece = 64 * 1024;

struct Row {
  const char* name;
  Kind kind;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

// Bytes that say where they are, so that a piece that is lost, doubled or moved changes the sum.
std::string Content(std::size_t size) {
  std::string bytes;
  bytes.reserve(size + 8);
  for (std::uint64_t word = 0; bytes.size() < size; ++word) {
    std::uint64_t value = (word + 1) * 0x9e3779b97f4a7c15;
    value ^= value >> 29;
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  bytes.resize(size);
  return bytes;
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void Add(const std::string& bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  std::uint64_t size() const { return size_; }
  std::string Digest() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &length);
    return std::string(digest.begin(), digest.begin() + length);
  }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
  std::uint64_t size_ = 0;
};

std::string DigestOf(const std::string& bytes) {
  Sha256 sum;
  sum.Add(bytes);
  return sum.Digest();
}

v1::HttpRequest Ask(const std::string& method, const std::string& url,
                    const std::vector<std::pair<std::string, std::string>>& headers = {}) {
  v1::HttpRequest head;
  head.set_method(method);
  head.set_url(url);
  for (const auto& [name, value] : headers) {
    v1::Header& header = *head.add_headers();
    header.set_name(name);
    header.set_value(value);
  }
  return head;
}

// Names of HTTP/2 are in lower case.
std::string ValueOf(const google::protobuf::RepeatedPtrField<v1::Header>& headers,
                    const std::string& name) {
  for (const v1::Header& header : headers) {
    if (header.name().size() != name.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < name.size(); ++i) {
      same = same && (header.name()[i] | 0x20) == (name[i] | 0x20);
    }
    if (same) return header.value();
  }
  return "none";
}

class RealBodies : public testing::TestWithParam<Row> {
 protected:
  RealBodies()
      : origin_(GetParam().kind),
        daemon_(testing::TempDir(), IsHttp2() ? "defaults: {protocol: h2c}\n" : "{}\n") {}
  void SetUp() override {
    ASSERT_TRUE(origin_.running()) << origin_.output();
    ASSERT_TRUE(daemon_.ready()) << daemon_.log();
  }

  static bool IsHttp2() {
    return GetParam().kind == Kind::kNginxHttp2 || GetParam().kind == Kind::kApacheHttp2;
  }
  static bool IsApache() {
    return GetParam().kind == Kind::kApache || GetParam().kind == Kind::kApacheHttp2;
  }

  BodyOrigin origin_;
  ConfiguredDaemon daemon_;
};

// Adds up a body until `enough` bytes have come, or all; its head, nullopt when there was none.
std::optional<v1::HttpResponse> Download(StreamClient& client, Sha256& sum, std::uint64_t enough) {
  std::optional<v1::HttpResponse> head;
  while (sum.size() < enough) {
    const std::optional<v1::StreamResponse> frame = client.Read();
    if (!frame) break;
    if (frame->has_head()) {
      head = frame->head();
      sum.Add(head->body());
    } else if (frame->frame_case() == v1::StreamResponse::kData) {
      sum.Add(frame->data());
    } else {
      break;
    }
  }
  return head;
}

// A download that is given up and taken up again where it stopped, with one sum over both parts.
TEST_P(RealBodies, GetsALargeFileInTwoPartsWithACancelBetween) {
  const std::string content = Content(64 * kMiB);
  origin_.Serve("/large", content);
  const std::uint64_t before = daemon_.peak_bytes();
  Sha256 sum;
  std::string tag;
  {
    StreamClient client(daemon_.stub());
    ASSERT_TRUE(client.Get(origin_.url("/large")));
    const auto head = Download(client, sum, 20 * kMiB);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->status(), 200U);
    EXPECT_EQ(ValueOf(head->headers(), "Content-Length"), std::to_string(content.size()));
    tag = ValueOf(head->headers(), "ETag");
    client.Cancel();
    EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  const std::uint64_t had = sum.size();
  ASSERT_LT(had, content.size());
  StreamClient client(daemon_.stub());
  v1::HttpRequest rest = Ask("GET", origin_.url("/large"),
                             {{"Range", "bytes=" + std::to_string(had) + "-"}, {"If-Range", tag}});
  rest.set_content_length(0);
  ASSERT_TRUE(client.Head(rest));
  const auto head = Download(client, sum, content.size());
  ASSERT_TRUE(head) << client.Finish().error_message();
  EXPECT_EQ(head->status(), 206U);
  EXPECT_EQ(ValueOf(head->headers(), "Content-Range"), "bytes " + std::to_string(had) + "-" +
                                                           std::to_string(content.size() - 1) +
                                                           "/" + std::to_string(content.size()));
  const auto last = client.Read();
  ASSERT_TRUE(last && last->has_trailers()) << "a response is whole when its trailers frame came";
  EXPECT_TRUE(client.Finish().ok());
  EXPECT_EQ(sum.size(), content.size());
  EXPECT_EQ(sum.Digest(), DigestOf(content));
  EXPECT_LT(daemon_.peak_bytes() - before, 32 * kMiB) << "bodies pass through, they do not pile up";
  EXPECT_EQ(daemon_.End(), 0);
}

// F5, F8: the length is not known ahead; chunked or DATA frames, and a trailer field at the end.
TEST_P(RealBodies, PutsABodyOfUnknownLengthWithATrailer) {
  const std::string content = Content(8 * kMiB + 12'345);
  StreamClient client(daemon_.stub());
  ASSERT_TRUE(client.Head(Ask("PUT", origin_.url("/taken"), {{"Trailer", "X-Sum"}})));
  for (std::size_t at = 0; at < content.size(); at += kPiece) {
    ASSERT_TRUE(client.Data(content.substr(at, kPiece))) << at;
  }
  // nginx 1.22 takes the trailer fields of an HTTP/2 request for an error of the connection.
  if (GetParam().kind != Kind::kNginxHttp2) {
    ASSERT_TRUE(client.Trailer("X-Sum", "sum-of-it"));
  }
  client.HalfClose();
  const StreamClient::Answer answer = client.ReadAll();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_TRUE(answer.head);
  EXPECT_EQ(answer.head->status(), 201U) << answer.body;
  EXPECT_TRUE(origin_.Taken("/taken") == content);
  const std::string trailer = IsApache() ? "sum-of-it" : "-";
  EXPECT_EQ(origin_.Log(1), std::vector<std::string>{"201 PUT " + trailer});
  EXPECT_EQ(daemon_.End(), 0);
}

class GivenUpUpload : public RealBodies {};

// C-018: a caller that goes away in the middle leaves nothing that looks like a whole file.
TEST_P(GivenUpUpload, LeavesNoFile_C018) {
  // More than all buffers on the way hold: once it is written, the origin has some of it.
  const std::string content = Content(8 * kMiB);
  {
    StreamClient client(daemon_.stub());
    ASSERT_TRUE(client.Head(Ask("PUT", origin_.url("/half"))));
    for (std::size_t at = 0; at < content.size(); at += kPiece) {
      ASSERT_TRUE(client.Data(content.substr(at, kPiece)));
    }
    client.Cancel();
    EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  // The next request's line is the second: the origin has done with the first by then.
  StreamClient next(daemon_.stub());
  ASSERT_TRUE(next.Get(origin_.url("/file.txt")));
  EXPECT_TRUE(next.ReadAll().status.ok());
  const std::vector<std::string> log = origin_.Log(2);
  EXPECT_EQ(origin_.Taken("/half").size(), 0U) << testing::PrintToString(log);
}

// E1, E3, S1: the body waits for the origin's 100, which is shown to the caller who asked.
TEST_P(RealBodies, SendsTheBodyWhenTheOriginSaysContinue_E1) {
  const std::string content = Content(300'000);
  v1::HttpRequest head = Ask("PUT", origin_.url("/expected"), {{"Expect", "100-continue"}});
  head.set_content_length(content.size());
  head.mutable_options()->set_exchange_detail(v1::EXCHANGE_DETAIL_TIMELINE);
  StreamClient client(daemon_.stub());
  ASSERT_TRUE(client.Head(head));
  for (std::size_t at = 0; at < content.size(); at += kPiece) {
    ASSERT_TRUE(client.Data(content.substr(at, kPiece)));
  }
  client.HalfClose();
  const StreamClient::Answer answer = client.ReadAll();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_TRUE(answer.head);
  EXPECT_EQ(answer.head->status(), 201U);
  EXPECT_TRUE(origin_.Taken("/expected") == content);
  ASSERT_EQ(answer.trailers.size(), 1U);
  int told = 0;
  for (const v1::Event& event : answer.trailers[0].exchange().timeline()) {
    told += event.kind() == v1::EVENT_KIND_GOT_100 ? 1 : 0;
  }
  // nginx sends none over HTTP/2: there the body follows when the wait is over.
  EXPECT_EQ(told, GetParam().kind == Kind::kNginxHttp2 ? 0 : 1)
      << answer.trailers[0].exchange().DebugString();
}

// E2, W1: the origin says no, and the body is never sent.
TEST_P(RealBodies, KeepsTheBodyWhenTheOriginSaysNo_E2) {
  const std::string content = Content(kSmallLimit + 200'000);
  v1::HttpRequest head = Ask("PUT", origin_.url("/small/no"), {{"Expect", "100-continue"}});
  head.set_content_length(content.size());
  StreamClient client(daemon_.stub());
  ASSERT_TRUE(client.Head(head));
  for (std::size_t at = 0; at < content.size(); at += kPiece) {
    if (!client.Data(content.substr(at, kPiece))) break;
  }
  client.HalfClose();
  const StreamClient::Answer answer = client.ReadAll();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_TRUE(answer.head);
  EXPECT_EQ(answer.head->status(), 413U);
  ASSERT_EQ(answer.trailers.size(), 1U);
  EXPECT_LT(answer.trailers[0].exchange().bytes_sent(), 2'000U);
  EXPECT_EQ(origin_.Taken("/small/no"), "");
}

// Q1, Q3: trailer fields that nginx adds to a response.
TEST_P(RealBodies, GivesTheTrailerFieldsOfAResponse_Q1) {
  if (IsApache()) return;  // it adds none to a file
  StreamClient client(daemon_.stub());
  v1::HttpRequest head = Ask("GET", origin_.url("/trailed/file.txt"), {{"TE", "trailers"}});
  head.set_content_length(0);
  ASSERT_TRUE(client.Head(head));
  client.HalfClose();
  const StreamClient::Answer answer = client.ReadAll();
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.body, "hello world\n");
  ASSERT_EQ(answer.trailers.size(), 1U);
  EXPECT_EQ(ValueOf(answer.trailers[0].headers(), kTrailerName), kTrailerValue);
}

INSTANTIATE_TEST_SUITE_P(Debian, RealBodies,
                         testing::Values(Row{"nginx", Kind::kNginx},
                                         Row{"nginx_http2", Kind::kNginxHttp2},
                                         Row{"apache", Kind::kApache},
                                         Row{"apache_http2", Kind::kApacheHttp2}),
                         [](const auto& row) { return std::string(row.param.name); });

// Not Apache's HTTP/2: on RST_STREAM its worker may see the end of the input before it sees that
// the stream was aborted, and then keeps what it has.
INSTANTIATE_TEST_SUITE_P(Debian, GivenUpUpload,
                         testing::Values(Row{"nginx", Kind::kNginx},
                                         Row{"nginx_http2", Kind::kNginxHttp2},
                                         Row{"apache", Kind::kApache}),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace spillway
