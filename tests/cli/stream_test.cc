// `spillwayctl request --stream`: what it sends, and what it makes of frames.

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "google/rpc/status.pb.h"
#include "tests/cli/spillwayctl_fixture.h"

namespace spillway {
namespace {

using spillway::v1::StreamResponse;

class StreamTest : public SpillwayctlTest {
 protected:
  void AddHead(std::uint32_t status, const std::string& piece = "") {
    auto& head = *daemon_.frames.emplace_back().mutable_head();
    head.set_status(status);
    head.set_protocol("HTTP/1.1");
    head.set_reason("OK");
    head.set_body(piece);
    auto* header = head.add_headers();
    header->set_name("Content-Type");
    header->set_value("text/plain");
  }
  void AddData(const std::string& piece) { daemon_.frames.emplace_back().set_data(piece); }
  spillway::v1::Trailers& AddTrailers() {
    return *daemon_.frames.emplace_back().mutable_trailers();
  }
  ProgramOutcome Stream(std::vector<std::string> arguments, const ProgramInput& input = {}) {
    arguments.insert(arguments.begin(), {"request", "--stream", url_});
    return Run(arguments, input);
  }
  // What the caller's data frames hold together.
  std::string Sent() const {
    std::string all;
    for (const auto& frame : daemon_.sent) {
      all += frame.has_head() ? frame.head().body() : frame.data();
    }
    return all;
  }

  const std::string url_ = "http://origin.test/path";
};

TEST_F(StreamTest, PrintsTheBodyAsItCame) {
  AddHead(200, "one ");
  AddData("two ");
  AddData("three\n");
  AddTrailers();
  const ProgramOutcome outcome = Stream({});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "one two three\n");
  EXPECT_EQ(outcome.err, "");
  ASSERT_EQ(daemon_.sent.size(), 1U);
  EXPECT_EQ(daemon_.sent[0].head().url(), url_);
  EXPECT_EQ(daemon_.sent[0].head().method(), "GET");
  EXPECT_EQ(daemon_.sent[0].head().content_length(), 0U);
  EXPECT_TRUE(daemon_.sent[0].head().has_content_length());
}

TEST_F(StreamTest, SendsAFileInPiecesWithItsLength) {
  AddHead(200);
  AddTrailers();
  std::string bytes(300'000, 'x');
  bytes[7] = '\0';
  const std::string path = testing::TempDir() + "stream_test_" + std::to_string(::getpid());
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(Stream({"-d", "@" + path}).exit_code, 0);
  std::remove(path.c_str());
  EXPECT_EQ(daemon_.sent[0].head().method(), "POST");
  EXPECT_EQ(daemon_.sent[0].head().content_length(), bytes.size());
  EXPECT_EQ(Sent(), bytes);
  for (const auto& frame : daemon_.sent) EXPECT_LE(frame.data().size(), 64U * 1024);
  const ProgramOutcome missing = Stream({"-d", "@" + path});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_NE(missing.err.find("cannot read " + path + ": No such file"), std::string::npos);
}

TEST_F(StreamTest, SendsStandardInputWithoutALength) {
  AddHead(200);
  AddTrailers();
  ProgramInput input;
  input.standard_input = "piped\n";
  EXPECT_EQ(Stream({"-d", "@-"}, input).exit_code, 0);
  EXPECT_FALSE(daemon_.sent[0].head().has_content_length());
  EXPECT_EQ(Sent(), "piped\n");
  // Text is all there, so its length is known.
  EXPECT_EQ(Stream({"-d", "text"}).exit_code, 0);
  EXPECT_EQ(daemon_.sent[0].head().content_length(), 4U);
  EXPECT_EQ(Sent(), "text");
}

TEST_F(StreamTest, ATunnelHasNoLength) {
  AddHead(101);
  AddTrailers();
  ProgramInput input;
  input.standard_input = "into the tunnel";
  Stream({"-X", "GET", "-H", "Connection: upgrade", "-H", "Upgrade: echo", "-d", "@-"}, input);
  EXPECT_FALSE(daemon_.sent[0].head().has_content_length());
  EXPECT_EQ(Sent(), "into the tunnel");
  Stream({"-H", "Connection: upgrade", "-H", "Upgrade: echo"});
  EXPECT_FALSE(daemon_.sent[0].head().has_content_length());
  // Nor has what comes from a file, though the file has.
  const std::string path = testing::TempDir() + "stream_test_tunnel_" + std::to_string(::getpid());
  std::ofstream(path, std::ios::binary) << "from a file";
  for (const std::vector<std::string>& way :
       {std::vector<std::string>{"-X", "CONNECT"}, {"-X", "GET", "-H", "upgrade: echo"}}) {
    for (const std::string& data : {"@" + path, std::string("from a file")}) {
      std::vector<std::string> arguments = way;
      arguments.insert(arguments.end(), {"-d", data});
      Stream(arguments);
      EXPECT_FALSE(daemon_.sent[0].head().has_content_length()) << way[1] << " " << data;
      EXPECT_EQ(Sent(), "from a file");
    }
  }
  std::remove(path.c_str());
}

TEST_F(StreamTest, AnAnswerThatDoesNotWaitForTheDataEndsTheSending) {
  daemon_.early = true;
  AddHead(413);
  AddTrailers();
  // More than fits between the two.
  const std::string path = testing::TempDir() + "stream_test_early_" + std::to_string(::getpid());
  std::ofstream(path, std::ios::binary) << std::string(8'000'000, 'x');
  EXPECT_EQ(Stream({"-d", "@" + path, "--fail"}).exit_code, 2);
  std::remove(path.c_str());
}

TEST_F(StreamTest, VerboseShowsTrailersAndMore) {
  auto& early = *daemon_.frames.emplace_back().mutable_informational();
  early.set_status(103);
  AddHead(200, "x\n");
  auto& trailers = AddTrailers();
  auto* sum = trailers.add_headers();
  sum->set_name("X-Sum");
  sum->set_value("42");
  trailers.mutable_exchange()->set_connection_id(3);
  const ProgramOutcome quiet = Stream({"-v"});
  EXPECT_NE(quiet.err.find("< trailers\n< X-Sum: 42\n"), std::string::npos) << quiet.err;
  EXPECT_NE(quiet.err.find("GET http://origin.test/path 200 OK in "), std::string::npos);
  EXPECT_FALSE(daemon_.sent[0].head().options().informational());
  const ProgramOutcome loud = Stream({"-vvv", "--timing", "-i"});
  EXPECT_TRUE(daemon_.sent[0].head().options().informational());
  EXPECT_NE(loud.err.find("< 103\n< HTTP/1.1 200 OK\n< Content-Type: text/plain\n"),
            std::string::npos)
      << loud.err;
  EXPECT_NE(loud.err.find("connection 3, new"), std::string::npos);
  EXPECT_EQ(loud.out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nx\n");
}

TEST_F(StreamTest, ACutIsNoSuccess) {
  AddHead(200, "half of ");
  ProgramOutcome outcome = Stream({});
  EXPECT_EQ(outcome.exit_code, 3) << "no trailers frame";
  EXPECT_EQ(outcome.out, "half of ");
  EXPECT_NE(outcome.err.find("cut short"), std::string::npos);

  spillway::v1::EgressError error;
  error.set_reason(spillway::v1::REASON_HTTP_RESPONSE_INCOMPLETE);
  error.set_delivery(spillway::v1::DELIVERY_ANSWERED);
  error.set_response_status(200);
  google::rpc::Status details;
  details.add_details()->PackFrom(error);
  daemon_.stream_status = {grpc::StatusCode::ABORTED, "cut", details.SerializeAsString()};
  outcome = Stream({"-v"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "half of ");
  EXPECT_NE(outcome.err.find("The origin had begun to answer with status 200."), std::string::npos)
      << outcome.err;
}

TEST_F(StreamTest, WritesToAFileAndGuardsATerminal) {
  AddHead(200, std::string("\x1b[2J\0", 5));
  AddTrailers();
  const std::string path = testing::TempDir() + "stream_test_out_" + std::to_string(::getpid());
  EXPECT_EQ(Stream({"-o", path}).exit_code, 0);
  std::ifstream file(path, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), std::string("\x1b[2J\0", 5));
  std::remove(path.c_str());
  EXPECT_EQ(Stream({"-o", "/no/such/folder/file"}).exit_code, 1);
  ProgramInput terminal;
  terminal.terminal = true;
  const ProgramOutcome guarded = Stream({}, terminal);
  EXPECT_EQ(guarded.exit_code, 1);
  EXPECT_EQ(guarded.out.find('\x1b'), std::string::npos);
  EXPECT_NE(guarded.out.find("use -o FILE"), std::string::npos);
}

TEST_F(StreamTest, HasNoJson) { EXPECT_EQ(Stream({"--json"}).exit_code, 1); }

}  // namespace
}  // namespace spillway
