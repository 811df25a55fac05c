#include "server/status_map.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "google/rpc/status.pb.h"
#include "server/wire_reader.h"
#include "spillway/v1/egress.pb.h"

namespace spillway {
namespace {

using grpc::StatusCode;

constexpr Delivery kDeliveries[] = {Delivery::kNone, Delivery::kNotSent, Delivery::kUnprocessed,
                                    Delivery::kUnknown, Delivery::kAnswered};

bool Harmless(Delivery delivery) {
  return delivery != Delivery::kUnknown && delivery != Delivery::kAnswered;
}

struct Expectation {
  StatusCode harmless;
  StatusCode acted;
};

// api.md "Errors", written out once more.
const std::map<std::string, Expectation>& Expectations() {
  const auto both = [](StatusCode code) { return Expectation{code, code}; };
  const Expectation fault = {StatusCode::UNAVAILABLE, StatusCode::ABORTED};
  const Expectation broken = {StatusCode::UNAVAILABLE, StatusCode::INTERNAL};
  const Expectation slow = {StatusCode::UNAVAILABLE, StatusCode::DEADLINE_EXCEEDED};
  static const std::map<std::string, Expectation> table = {
      {"", both(StatusCode::INTERNAL)},
      {"http_request_error", both(StatusCode::INVALID_ARGUMENT)},
      {"unimplemented", both(StatusCode::UNIMPLEMENTED)},
      {"http_request_denied", both(StatusCode::PERMISSION_DENIED)},
      {"cancelled", both(StatusCode::CANCELLED)},
      {"deadline_exceeded", both(StatusCode::DEADLINE_EXCEEDED)},
      {"pool_queue_full", both(StatusCode::RESOURCE_EXHAUSTED)},
      {"pool_queue_timeout", both(StatusCode::RESOURCE_EXHAUSTED)},
      {"connection_limit_reached", both(StatusCode::RESOURCE_EXHAUSTED)},
      {"draining", fault},
      {"dns_timeout", fault},
      {"dns_error", fault},
      {"destination_not_found", fault},
      {"destination_ip_prohibited", both(StatusCode::PERMISSION_DENIED)},
      {"destination_ip_unroutable", fault},
      {"connection_refused", fault},
      {"connection_timeout", fault},
      {"connection_error", fault},
      {"connection_terminated", fault},
      {"connection_read_timeout", slow},
      {"connection_write_timeout", slow},
      {"http_response_timeout", both(StatusCode::DEADLINE_EXCEEDED)},
      {"http_response_body_timeout", both(StatusCode::DEADLINE_EXCEEDED)},
      {"http_response_incomplete", fault},
      {"http_response_header_section_size", both(StatusCode::RESOURCE_EXHAUSTED)},
      {"http_response_header_size", both(StatusCode::RESOURCE_EXHAUSTED)},
      {"http_response_body_size", both(StatusCode::RESOURCE_EXHAUSTED)},
      {"http_response_trailer_section_size", both(StatusCode::RESOURCE_EXHAUSTED)},
      {"http_response_transfer_coding", broken},
      {"http_protocol_error", broken},
      {"http_upgrade_failed", broken},
      {"internal_error", both(StatusCode::INTERNAL)},
      {"proxy_timeout", fault},
      {"proxy_authentication_required", fault},
      {"proxy_denied", fault},
      {"proxy_protocol_error", fault},
      {"proxy_configuration_error", both(StatusCode::PERMISSION_DENIED)},
      {"tls_timeout", fault},
      {"tls_certificate_error", fault},
      {"tls_alert_received", fault},
      {"tls_protocol_error", fault},
      {"http_stream_refused", fault},
      {"http_stream_reset", fault},
      {"http_downgrade_required", fault},
      {"http_response_content_coding", broken},
  };
  return table;
}

v1::EgressError ErrorIn(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), status.error_code());
  EXPECT_EQ(details.message(), status.error_message());
  EXPECT_EQ(details.details_size(), 1);
  v1::EgressError error;
  EXPECT_TRUE(details.details(0).UnpackTo(&error));
  return error;
}

Failure Example(Reason reason, Delivery delivery) {
  return {.reason = reason,
          .source = Source::kOrigin,
          .phase = Phase::kFirstByte,
          .delivery = delivery,
          .message = "something happened",
          .field = "headers[3]",
          .response_status = 502};
}

TEST(StatusMap, GivesEveryReasonAndDeliveryTheCodeOfTheContract) {
  ASSERT_EQ(Expectations().size(), static_cast<std::size_t>(Reason::kReasonCount));
  for (std::size_t i = 0; i < static_cast<std::size_t>(Reason::kReasonCount); ++i) {
    const auto reason = static_cast<Reason>(i);
    const Expectation& expected = Expectations().at(std::string(Label(reason)));
    for (const Delivery delivery : kDeliveries) {
      EXPECT_EQ(CodeFor(reason, delivery), Harmless(delivery) ? expected.harmless : expected.acted)
          << Label(reason) << " " << Label(delivery);
    }
  }
}

TEST(StatusMap, NeverInvitesARetryOfWhatTheOriginMayHaveActedOn) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(Reason::kReasonCount); ++i) {
    for (const Delivery delivery : {Delivery::kUnknown, Delivery::kAnswered}) {
      EXPECT_NE(CodeFor(static_cast<Reason>(i), delivery), StatusCode::UNAVAILABLE);
    }
  }
}

TEST(StatusMap, CarriesTheFactsUnderTheWiresOwnNames) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(Reason::kReasonCount); ++i) {
    const auto reason = static_cast<Reason>(i);
    const v1::EgressError error =
        ErrorIn(ToStatus(Example(reason, Delivery::kAnswered), nullptr, ExchangeDetail::kSummary));
    // The metric label is the member's name without prefix, in lower case.
    std::string label = v1::Reason_Name(error.reason()).substr(std::string("REASON_").size());
    for (char& c : label) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(label, reason == Reason::kNone ? "unspecified" : Label(reason));
    EXPECT_EQ(error.source(), v1::SOURCE_ORIGIN);
    EXPECT_EQ(error.phase(), v1::PHASE_FIRST_BYTE);
    EXPECT_EQ(error.delivery(), v1::DELIVERY_ANSWERED);
    EXPECT_EQ(error.response_status(), 502u);
    EXPECT_EQ(error.field(), "headers[3]");
    EXPECT_FALSE(error.has_exchange());
  }
}

TEST(StatusMap, NamesSourcesPhasesAndDeliveriesAlike) {
  for (int i = 1; i <= v1::Source_MAX; ++i) {
    Failure failure = Example(Reason::kInternalError, Delivery::kNotSent);
    failure.source = static_cast<Source>(i);
    const v1::EgressError error = ErrorIn(ToStatus(failure, nullptr, ExchangeDetail::kNone));
    std::string name = v1::Source_Name(error.source()).substr(7);
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(name, Label(failure.source));
  }
  for (int i = 1; i <= v1::Phase_MAX; ++i) {
    Failure failure = Example(Reason::kInternalError, Delivery::kNotSent);
    failure.phase = static_cast<Phase>(i);
    const v1::EgressError error = ErrorIn(ToStatus(failure, nullptr, ExchangeDetail::kNone));
    std::string name = v1::Phase_Name(error.phase()).substr(6);
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(name, Label(failure.phase));
  }
  for (int i = 1; i <= v1::Delivery_MAX; ++i) {
    const Failure failure = Example(Reason::kInternalError, static_cast<Delivery>(i));
    const v1::EgressError error = ErrorIn(ToStatus(failure, nullptr, ExchangeDetail::kNone));
    std::string name = v1::Delivery_Name(error.delivery()).substr(9);
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(name, Label(failure.delivery));
  }
}

RoundTripRecord RecordOf(std::size_t attempts, std::size_t events, std::size_t destination,
                         std::size_t hops = 1) {
  RoundTripRecord record;
  record.attempts = 3;
  record.destination = std::make_shared<const std::string>(destination, 'd');
  record.attempt_log.resize(attempts);
  for (AttemptRecord& attempt : record.attempt_log) attempt.connection_id = 1'000'000;
  record.timeline.resize(events);
  record.hops.resize(hops, HopRecord{"http://h.test/" + std::string(100, 'p'), 302});
  return record;
}

TEST(StatusMap, DropsTimelineThenAttemptsThenHopsThenExchangeToFit) {
  struct Row {
    const char* name;
    RoundTripRecord record;
    bool timeline;
    bool attempts;
    bool hops;
    bool exchange;
  };
  const Row rows[] = {
      {"all fits", RecordOf(2, 10, 5), true, true, true, true},
      {"timeline does not", RecordOf(2, 2000, 5), false, true, true, true},
      {"nor do attempts", RecordOf(2000, 2000, 5), false, false, true, true},
      {"nor do hops", RecordOf(2000, 2000, 5, 50), false, false, false, true},
      {"nor the exchange", RecordOf(2000, 2000, 5000), false, false, false, false},
  };
  for (const Row& row : rows) {
    const grpc::Status status = ToStatus(Example(Reason::kConnectionError, Delivery::kNotSent),
                                         &row.record, ExchangeDetail::kTimeline);
    EXPECT_LE(status.error_details().size(), kMaxStatusDetails) << row.name;
    const v1::EgressError error = ErrorIn(status);
    EXPECT_EQ(error.attempts(), 3u) << row.name;
    EXPECT_EQ(error.exchange().timeline_size() > 0, row.timeline) << row.name;
    EXPECT_EQ(error.exchange().attempt_log_size() > 0, row.attempts) << row.name;
    EXPECT_EQ(error.exchange().hops_size() > 0, row.hops) << row.name;
    EXPECT_EQ(error.has_exchange(), row.exchange) << row.name;
  }
}

TEST(StatusMap, TellsAsMuchOfTheExchangeAsWasAskedFor) {
  const RoundTripRecord record = RecordOf(2, 2, 1);
  const Failure failure = Example(Reason::kConnectionError, Delivery::kNotSent);
  EXPECT_FALSE(ErrorIn(ToStatus(failure, &record, ExchangeDetail::kNone)).has_exchange());
  const v1::EgressError summary = ErrorIn(ToStatus(failure, &record, ExchangeDetail::kSummary));
  EXPECT_TRUE(summary.has_exchange());
  EXPECT_EQ(summary.exchange().attempt_log_size(), 0);
  EXPECT_EQ(
      ErrorIn(ToStatus(failure, &record, ExchangeDetail::kTimeline)).exchange().timeline_size(), 2);
}

TEST(StatusMap, SaysHowLongToWaitWhereThatIsKnown) {
  RoundTripRecord record = RecordOf(1, 0, 1);
  record.started = Instant(std::chrono::seconds(100));
  record.timings.total = std::chrono::milliseconds(1500);
  Failure failure = Example(Reason::kConnectionRefused, Delivery::kNotSent);
  const auto error = [&] { return ErrorIn(ToStatus(failure, &record, ExchangeDetail::kNone)); };
  EXPECT_FALSE(error().has_retry_after()) << "not known";
  failure.retry_at = Instant(std::chrono::milliseconds(103750));
  ASSERT_TRUE(error().has_retry_after());
  EXPECT_EQ(error().retry_after().seconds(), 2) << "counted from the end";
  EXPECT_EQ(error().retry_after().nanos(), 250'000'000);
  failure.retry_at = Instant(std::chrono::milliseconds(101500));
  EXPECT_FALSE(error().has_retry_after()) << "it is now";
}

TEST(StatusMap, KeepsMessagesShortAndValid) {
  Failure failure = Example(Reason::kConnectionError, Delivery::kNotSent);
  failure.message = std::string(511, 'a') + "\xe2\x82\xac";
  failure.field = "headers[\xff]";
  const grpc::Status cut = ToStatus(failure, nullptr, ExchangeDetail::kNone);
  EXPECT_EQ(cut.error_message(), std::string(511, 'a'));
  EXPECT_EQ(ErrorIn(cut).field(), "headers[?]");

  failure.message = "bad \xff\xfe bytes";
  EXPECT_EQ(ToStatus(failure, nullptr, ExchangeDetail::kNone).error_message(), "bad ?? bytes");

  failure.message.clear();
  EXPECT_EQ(ToStatus(failure, nullptr, ExchangeDetail::kNone).error_message(), "connection_error");
}

TEST(StatusMap, PointsLargeBodiesToStream) {
  const grpc::Status status = ToStatus(Example(Reason::kHttpResponseBodySize, Delivery::kAnswered),
                                       nullptr, ExchangeDetail::kNone);
  EXPECT_NE(status.error_message().find("Stream"), std::string::npos);
}

}  // namespace
}  // namespace spillway
