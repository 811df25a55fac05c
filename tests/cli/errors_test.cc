// What spillwayctl says and how it ends when there is no response.

#include <future>
#include <string>

#include <nlohmann/json.hpp>

#include "google/rpc/status.pb.h"
#include "tests/cli/spillwayctl_fixture.h"

namespace spillway {
namespace {

using nlohmann::json;
using spillway::v1::EgressError;

grpc::Status WithDetails(grpc::StatusCode code, const std::string& message,
                         const EgressError& error) {
  google::rpc::Status status;
  status.set_code(static_cast<int>(code));
  status.set_message(message);
  status.add_details()->PackFrom(error);
  return {code, message, status.SerializeAsString()};
}

class ErrorsTest : public SpillwayctlTest {
 protected:
  void FailWith(grpc::Status status) {
    daemon_.round_trip = [status](auto&, const auto&, auto&) { return status; };
  }

  static EgressError Refused() {
    EgressError error;
    error.set_reason(spillway::v1::REASON_CONNECTION_REFUSED);
    error.set_source(spillway::v1::SOURCE_ORIGIN);
    error.set_phase(spillway::v1::PHASE_CONNECT);
    error.set_delivery(spillway::v1::DELIVERY_NOT_SENT);
    error.set_attempts(2);
    error.mutable_exchange()->set_attempts(2);
    return error;
  }

  const std::vector<std::string> request_ = {"request", "http://origin.test/"};
};

TEST_F(ErrorsTest, AnEgressErrorTellsReasonSourcePhaseAndDelivery) {
  FailWith(
      WithDetails(grpc::StatusCode::UNAVAILABLE, "127.0.0.1:1: Connection refused", Refused()));
  const ProgramOutcome outcome = Run(request_);
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "spillwayctl: no response: 127.0.0.1:1: Connection refused\n"
            "  reason connection_refused, source origin, phase connect, delivery not_sent, "
            "attempts 2\n"
            "  Nothing of the request was sent.\n");
}

TEST_F(ErrorsTest, AnEgressErrorAsJson) {
  FailWith(WithDetails(grpc::StatusCode::UNAVAILABLE, "refused", Refused()));
  const ProgramOutcome outcome = Run({"request", "http://origin.test/", "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.err, "");
  const json error = json::parse(outcome.out)["error"];
  EXPECT_EQ(error["code"], "UNAVAILABLE");
  EXPECT_EQ(error["message"], "refused");
  EXPECT_EQ(error["egress"]["reason"], "connection_refused");
  EXPECT_EQ(error["egress"]["source"], "origin");
  EXPECT_EQ(error["egress"]["phase"], "connect");
  EXPECT_EQ(error["egress"]["delivery"], "not_sent");
  EXPECT_EQ(error["egress"]["exchange"]["attempts"], 2);
}

TEST_F(ErrorsTest, WhatIsKnownOfTheDeliveryIsSaidInWords) {
  EgressError error = Refused();
  error.set_delivery(spillway::v1::DELIVERY_ANSWERED);
  error.set_response_status(200);
  FailWith(WithDetails(grpc::StatusCode::ABORTED, "cut", error));
  EXPECT_NE(Run(request_).err.find("  The origin had begun to answer with status 200.\n"),
            std::string::npos);
  error.set_delivery(spillway::v1::DELIVERY_UNKNOWN);
  FailWith(WithDetails(grpc::StatusCode::ABORTED, "reset", error));
  EXPECT_NE(Run(request_).err.find("  The origin may have acted on the request.\n"),
            std::string::npos);
}

TEST_F(ErrorsTest, AFieldAtFaultIsNamed) {
  EgressError error;
  error.set_reason(spillway::v1::REASON_HTTP_REQUEST_ERROR);
  error.set_field("headers[3]");
  FailWith(WithDetails(grpc::StatusCode::INVALID_ARGUMENT, "headers[3]: not a token", error));
  const ProgramOutcome outcome = Run(request_);
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.err.find("field headers[3]"), std::string::npos);
}

TEST_F(ErrorsTest, AnUnknownReasonIsShownByItsNumber) {
  EgressError error = Refused();
  error.set_reason(static_cast<spillway::v1::Reason>(999));
  FailWith(WithDetails(grpc::StatusCode::UNAVAILABLE, "new", error));
  EXPECT_NE(Run(request_).err.find("reason 999,"), std::string::npos);
}

TEST_F(ErrorsTest, TextOfTheDaemonCannotSteerTheTerminal) {
  FailWith(WithDetails(grpc::StatusCode::UNAVAILABLE, "a\x1b[2J\nb", Refused()));
  EXPECT_TRUE(Run(request_).err.starts_with("spillwayctl: no response: a\\x1b[2J\\x0ab\n"));
}

TEST_F(ErrorsTest, VerboseAndTimingShowTheExchangeOfAFailure) {
  EgressError error = Refused();
  error.mutable_exchange()->mutable_timings()->mutable_total()->set_nanos(5'000'000);
  FailWith(WithDetails(grpc::StatusCode::UNAVAILABLE, "refused", error));
  const std::string err = Run({"request", "-vvvv", "--timing", "http://origin.test/"}).err;
  EXPECT_NE(err.find("GET http://origin.test/ UNAVAILABLE in "), std::string::npos);
  EXPECT_NE(err.find("* no connection was had\n"), std::string::npos);
  EXPECT_NE(err.find("total         5.00 ms\n"), std::string::npos);
}

TEST_F(ErrorsTest, ADaemonThatIsNotThereIsUnreachable) {
  std::string address;
  { address = FakeDaemon().address(); }
  const ProgramOutcome outcome = RunProgram({kProgram, "--address", address, "health"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_TRUE(outcome.err.starts_with("spillwayctl: the daemon at " + address +
                                      " cannot be reached or went away: "))
      << outcome.err;
  const ProgramOutcome missing =
      RunProgram({kProgram, "--admin-address=unix:/no/such/socket", "pools", "--json"});
  EXPECT_EQ(missing.exit_code, 4);
  EXPECT_EQ(json::parse(missing.out)["error"]["code"], "UNAVAILABLE");
}

TEST_F(ErrorsTest, ADaemonThatDoesNotAnswerInTimeIsUnreachable) {
  std::promise<void> over;
  daemon_.round_trip = [&over](auto&, const auto&, auto&) {
    over.get_future().wait();
    return grpc::Status::OK;
  };
  const ProgramOutcome outcome = Run({"request", "http://origin.test/", "--timeout=50ms"});
  over.set_value();
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_EQ(outcome.err,
            "spillwayctl: the daemon at " + daemon_.address() + " did not answer in time\n");
}

TEST_F(ErrorsTest, UnavailableWithoutDetailsIsUnreachable) {
  FailWith({grpc::StatusCode::UNAVAILABLE, "going away"});
  EXPECT_EQ(Run(request_).exit_code, 4);
}

TEST_F(ErrorsTest, AnyOtherRefusalSaysItsCode) {
  FailWith({grpc::StatusCode::RESOURCE_EXHAUSTED, "too large"});
  const ProgramOutcome outcome = Run(request_);
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_EQ(outcome.err,
            "spillwayctl: the daemon refused the call: RESOURCE_EXHAUSTED: too large\n");
}

TEST_F(ErrorsTest, BrokenDetailsAreAsGoodAsNone) {
  FailWith({grpc::StatusCode::INTERNAL, "x", std::string("\xff\xff\xff garbage")});
  EXPECT_EQ(Run(request_).exit_code, 5);
  google::rpc::Status other;
  other.add_details()->set_type_url("type.googleapis.com/some.Other");
  FailWith({grpc::StatusCode::INTERNAL, "x", other.SerializeAsString()});
  EXPECT_EQ(Run(request_).exit_code, 5);
}

}  // namespace
}  // namespace spillway
