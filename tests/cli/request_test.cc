// `spillwayctl request`: what it sends and what it prints.

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/cli/spillwayctl_fixture.h"

namespace spillway {
namespace {

using nlohmann::json;

class RequestTest : public SpillwayctlTest {
 protected:
  void SetUp() override {
    daemon_.response.set_status(200);
    daemon_.response.set_protocol("HTTP/1.1");
    daemon_.response.set_reason("OK");
    AddHeader("Content-Type", "text/plain");
    AddHeader("Set-Cookie", "id=sekret");
    daemon_.response.set_body("hello\n");
    auto& exchange = *daemon_.response.mutable_exchange();
    exchange.set_connection_id(3);
    exchange.set_attempts(1);
    exchange.mutable_timings()->mutable_write()->set_nanos(10'000'000);
    exchange.mutable_timings()->mutable_first_byte();
    exchange.mutable_timings()->mutable_total()->set_nanos(20'000'000);
  }

  void AddHeader(const std::string& name, const std::string& value) {
    auto* header = daemon_.response.add_headers();
    header->set_name(name);
    header->set_value(value);
  }

  static std::string TemporaryPath(const std::string& name) {
    return testing::TempDir() + "request_test_" + std::to_string(::getpid()) + "_" + name;
  }

  static std::string ReadFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    std::remove(path.c_str());
    return text.str();
  }

  const std::string url_ = "http://origin.test/path?x=1";
};

TEST_F(RequestTest, PrintsTheBodyAndNothingElse) {
  const ProgramOutcome outcome = Run({"request", url_});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "hello\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(daemon_.request.method(), "GET");
  EXPECT_EQ(daemon_.request.url(), url_);
  EXPECT_EQ(daemon_.request.headers_size(), 0);
  EXPECT_EQ(daemon_.request.options().exchange_detail(), spillway::v1::EXCHANGE_DETAIL_SUMMARY);
}

TEST_F(RequestTest, SendsHeadersAsGivenAndInOrder) {
  Run({"request", url_, "-H", "X-Two:  b c \t", "-H", "x-two: a:b", "--header=X-Empty:"});
  ASSERT_EQ(daemon_.request.headers_size(), 3);
  EXPECT_EQ(daemon_.request.headers(0).name(), "X-Two");
  EXPECT_EQ(daemon_.request.headers(0).value(), "b c");
  EXPECT_EQ(daemon_.request.headers(1).name(), "x-two");
  EXPECT_EQ(daemon_.request.headers(1).value(), "a:b");
  EXPECT_EQ(daemon_.request.headers(2).value(), "");
}

TEST_F(RequestTest, DataMakesAPost) {
  Run({"request", url_, "-d", "a=1"});
  EXPECT_EQ(daemon_.request.method(), "POST");
  EXPECT_EQ(daemon_.request.body(), "a=1");
  EXPECT_EQ(daemon_.request.headers_size(), 0);  // nothing is added that was not asked for
  Run({"request", url_, "-d", ""});
  EXPECT_EQ(daemon_.request.method(), "POST");
  Run({"request", url_, "-X", "PUT", "--data=x"});
  EXPECT_EQ(daemon_.request.method(), "PUT");
  Run({"request", url_, "--data-raw", "@not-a-file"});
  EXPECT_EQ(daemon_.request.body(), "@not-a-file");
  Run({"request", url_, "-I"});
  EXPECT_EQ(daemon_.request.method(), "HEAD");
}

TEST_F(RequestTest, DataComesFromAFileOrStandardInput) {
  std::string bytes = "\x01\xff body\r\n";
  bytes += std::string(200'000, '\0');
  const std::string path = TemporaryPath("data");
  std::ofstream(path, std::ios::binary) << bytes;
  Run({"request", url_, "-d", "@" + path});
  EXPECT_EQ(daemon_.request.body(), bytes);
  std::remove(path.c_str());

  ProgramInput input;
  input.standard_input = bytes;
  Run({"request", url_, "-d", "@-"}, input);
  EXPECT_EQ(daemon_.request.body(), bytes);

  const ProgramOutcome missing = Run({"request", url_, "-d", "@" + path});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_NE(missing.err.find("cannot read " + path + ": No such file"), std::string::npos);
}

TEST_F(RequestTest, CarriesItsOptions) {
  Run({"request", "--fresh", "--idempotent", "--max-response-bytes=64MiB", "--max-attempts", "2",
       "--request-target=*", "-vvvv", "-X", "OPTIONS", "--follow=3", "--compressed", "--cookie-jar",
       "shop", url_});
  const auto& options = daemon_.request.options();
  EXPECT_TRUE(options.fresh_connection());
  EXPECT_EQ(options.idempotency(), spillway::v1::IDEMPOTENCY_IDEMPOTENT);
  EXPECT_EQ(options.max_response_bytes(), 64U * 1024 * 1024);
  EXPECT_EQ(options.retry().max_attempts(), 2U);
  EXPECT_EQ(options.exchange_detail(), spillway::v1::EXCHANGE_DETAIL_TIMELINE);
  EXPECT_EQ(daemon_.request.request_target(), "*");
  EXPECT_EQ(options.max_redirects(), 3U);
  EXPECT_EQ(options.decompression(), spillway::v1::DECOMPRESSION_AUTO);
  EXPECT_EQ(options.cookie_jar(), "shop");
  Run({"request", "-L", url_});
  EXPECT_EQ(daemon_.request.options().max_redirects(), 10U);
  EXPECT_EQ(Run({"request", "-L", "--follow=3", url_}).exit_code, 1);
  Run({"request", "--not-idempotent", url_});
  EXPECT_EQ(daemon_.request.options().idempotency(), spillway::v1::IDEMPOTENCY_NOT_IDEMPOTENT);
  EXPECT_FALSE(daemon_.request.options().has_retry());
}

TEST_F(RequestTest, TheTimeoutIsTheCallsDeadline) {
  std::chrono::system_clock::duration left{};
  daemon_.round_trip = [&](grpc::ServerContext& context, const auto&, auto&) {
    left = context.deadline() - std::chrono::system_clock::now();
    return grpc::Status::OK;
  };
  Run({"request", url_, "--timeout", "90"});
  EXPECT_GT(left, std::chrono::seconds(30));
  EXPECT_LE(left, std::chrono::seconds(91));
  Run({"request", url_, "--timeout=1m30s"});
  EXPECT_GT(left, std::chrono::seconds(30));
  Run({"request", url_});
  EXPECT_GT(left, std::chrono::hours(24 * 365));
}

TEST_F(RequestTest, IncludeShowsTheHeadAsItCame) {
  AddHeader("X-Raw", "gr\xfc\xdf");
  const ProgramOutcome outcome = Run({"request", url_, "-i"});
  EXPECT_EQ(outcome.out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: id=sekret\r\n"
            "X-Raw: gr\xfc\xdf\r\n\r\nhello\n");
}

// `text` with every " in N ms" at the end of a line as " in # ms".
std::string WithoutTime(std::string text) {
  for (std::size_t at = 0; (at = text.find(" in ", at)) != std::string::npos; at += 4) {
    const std::size_t end = text.find(" ms\n", at);
    if (end != std::string::npos) text.replace(at + 4, end - at - 4, "#");
  }
  return text;
}

TEST_F(RequestTest, EachLevelOfVerboseShowsMore) {  // KG8
  daemon_.response.mutable_exchange()->mutable_timings()->mutable_tls()->set_nanos(3'000'000);
  const std::vector<std::string> request = {"request", url_,   "-H", "Authorization: Bearer sekret",
                                            "-d",      "12345"};
  const std::string outcome_line = "POST http://origin.test/path?x=1 200 OK in # ms\n";
  const std::string sent =
      "> POST http://origin.test/path?x=1\n"
      "> Authorization: Bearer (hidden)\n"
      "> (5 B of body)\n";
  const std::string head =
      "< HTTP/1.1 200 OK\n"
      "< Content-Type: text/plain\n"
      "< Set-Cookie: (hidden)\n";
  const std::string rows[] = {
      "",
      outcome_line,
      sent + outcome_line,
      sent + outcome_line + head,
      "curl -v -X 'POST' -H 'Authorization: Bearer (hidden)' --data-binary @- "
      "'http://origin.test/path?x=1'\n" +
          sent + outcome_line + head +
          "* connection 3, new:  -> \n"
          "* no destination matched, configuration 0\n"
          "* attempts 1, sent 0 B, received 0 B\n"
          "* times: queue 0, dns 0, connect 0, proxy 0, tls 3.00 ms, write 10.0 ms, first byte 0, "
          "total 20.0 ms\n",
  };
  for (std::size_t level = 0; level < std::size(rows); ++level) {
    std::vector<std::string> arguments = request;
    if (level > 0) arguments.push_back("-" + std::string(level, 'v'));
    const ProgramOutcome outcome = Run(arguments);
    EXPECT_EQ(outcome.out, "hello\n");
    EXPECT_EQ(WithoutTime(outcome.err), rows[level]) << level;
  }
}

TEST_F(RequestTest, TimingDrawsAWaterfallBesideTheBody) {
  const ProgramOutcome outcome = Run({"request", url_, "--timing"});
  EXPECT_EQ(outcome.out, "hello\n");
  EXPECT_EQ(outcome.err,
            "connection 3, new:  -> \n"
            "request       10.0 ms  ############################\n"
            "body          10.0 ms                              #############################\n"
            "total         20.0 ms\n");
  EXPECT_EQ(daemon_.request.options().exchange_detail(), spillway::v1::EXCHANGE_DETAIL_TIMELINE);
  ProgramInput input;
  input.environment = {{"LC_ALL", "C.UTF-8"}, {"TERM", "xterm"}};
  EXPECT_NE(Run({"request", url_, "--timing"}, input).err.find("ms  ████"), std::string::npos);
  input.environment = {{"LC_ALL", "C"}, {"LANG", "de_DE.UTF-8"}};
  EXPECT_NE(Run({"request", url_, "--timing"}, input).err.find("ms  ####"), std::string::npos);
}

TEST_F(RequestTest, TimingFillsTheTerminalAndColoursNothing) {
  ProgramInput input;
  input.terminal = true;
  input.environment = {{"TERM", "xterm"}};
  const ProgramOutcome outcome = Run({"request", url_, "--timing"}, input);
  EXPECT_NE(outcome.out.find("\nbody          10.0 ms  "), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
}

TEST_F(RequestTest, WritesTheBodyToAFile) {
  daemon_.response.set_body(std::string("\0\x01\xff", 3));
  const std::string path = TemporaryPath("body");
  const ProgramOutcome outcome = Run({"request", url_, "-i", "-o", path});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_TRUE(outcome.out.ends_with("\r\n\r\n"));
  EXPECT_EQ(ReadFile(path), daemon_.response.body());
}

TEST_F(RequestTest, AFileThatCannotBeWrittenIsFoundBeforeAnythingIsSent) {
  const ProgramOutcome outcome = Run({"request", url_, "-o", "/no/such/folder/file"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(daemon_.request.url(), "");
  const ProgramOutcome full = Run({"request", url_, "-o", "/dev/full"});
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_NE(full.err.find("cannot write /dev/full"), std::string::npos);
}

TEST_F(RequestTest, BinaryPassesThroughAPipe) {
  daemon_.response.set_body(std::string("\0\x1b\xff", 3));
  EXPECT_EQ(Run({"request", url_}).out, daemon_.response.body());
}

TEST_F(RequestTest, AnyStatusIsSuccessUnlessFailIsAskedFor) {
  for (const std::uint32_t status : {404U, 503U}) {
    daemon_.response.set_status(status);
    EXPECT_EQ(Run({"request", url_}).exit_code, 0);
    const ProgramOutcome outcome = Run({"request", url_, "--fail"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.out, "hello\n");
    EXPECT_EQ(Run({"request", url_, "--fail", "--json"}).exit_code, 2);
  }
  daemon_.response.set_status(399);
  EXPECT_EQ(Run({"request", url_, "--fail"}).exit_code, 0);
}

TEST_F(RequestTest, JsonHoldsTheWholeResponse) {
  const ProgramOutcome outcome = Run({"request", url_, "--json", "-vvvv", "--timing"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  const json parsed = json::parse(outcome.out);
  EXPECT_EQ(parsed["status"], 200);
  EXPECT_EQ(parsed["headers"][0], (json{{"name", "Content-Type"}, {"value", "text/plain"}}));
  EXPECT_EQ(parsed["body"], "hello\n");
  EXPECT_EQ(parsed["body_bytes"], 6);
  EXPECT_EQ(parsed["exchange"]["connection_id"], 3);
  EXPECT_EQ(parsed["exchange"]["timings"]["total"], 0.02);
}

TEST_F(RequestTest, JsonAndAFileKeepTheBodyOutOfTheJson) {
  const std::string path = TemporaryPath("json_body");
  const ProgramOutcome outcome = Run({"request", url_, "--json", "-o", path});
  const json parsed = json::parse(outcome.out);
  EXPECT_FALSE(parsed.contains("body"));
  EXPECT_EQ(parsed["body_file"], path);
  EXPECT_EQ(ReadFile(path), "hello\n");
}

TEST_F(RequestTest, LargeBodiesPassWhole) {
  std::string body(20 * 1024 * 1024, 'x');
  body.back() = '\n';
  daemon_.response.set_body(body);
  EXPECT_EQ(Run({"request", url_}).out, body);
}

TEST_F(RequestTest, WorksOverAUnixSocketAndTakesItsAddressFromTheEnvironment) {
  EXPECT_EQ(RunProgram({kProgram, "request", "--address", daemon_.unix_address(), url_}).out,
            "hello\n");
  ProgramInput input;
  input.environment = {{"SPILLWAY_ADDRESS", daemon_.address()},
                       // The way to the daemon never leads through a web proxy.
                       {"http_proxy", "http://127.0.0.1:1"},
                       {"grpc_proxy", "http://127.0.0.1:1"}};
  EXPECT_EQ(RunProgram({kProgram, "request", url_}, input).out, "hello\n");
}

}  // namespace
}  // namespace spillway
