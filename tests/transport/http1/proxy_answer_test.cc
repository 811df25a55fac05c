#include "transport/http1/proxy_answer.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway {
namespace {

TEST(ProxyAnswer, Is407AFailureOfTheProxyThatTheOriginNeverSaw_P12_O273) {
  ResponseHead head;
  head.status = 407;
  head.reason = "whatever";
  head.headers = {{"Proxy-Authenticate", "Basic realm=\"r\""}};
  const std::optional<Failure> failure = FailureOfProxyAnswer(head, "http://p.test:3128");
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->reason, Reason::kProxyAuthenticationRequired);
  EXPECT_EQ(failure->source, Source::kProxy);
  EXPECT_EQ(failure->delivery, Delivery::kUnprocessed);
  EXPECT_EQ(failure->proxy_status, 407U);
  EXPECT_NE(failure->message.find("http://p.test:3128"), std::string::npos);
}

TEST(ProxyAnswer, IsDataWithAnyOtherStatus) {
  ResponseHead head;
  for (head.status = 100; head.status < 600; ++head.status) {
    EXPECT_EQ(FailureOfProxyAnswer(head, "p").has_value(), head.status == 407) << head.status;
  }
}

TEST(ProxyAnswer, LosesTheFieldsOfTheHopAlone_O287) {
  HeaderList headers = {{"A", "1"},
                        {"proxy-CONNECTION", "keep-alive"},
                        {"Proxy-Status", "x; error=dns_error"},
                        {"Proxy-Authenticate", "Basic"},
                        {"Proxy-Authentication-Info", "x"},
                        {"A", "2"}};
  RemoveProxyFields(headers);
  EXPECT_EQ(headers, (HeaderList{{"A", "1"}, {"Proxy-Status", "x; error=dns_error"}, {"A", "2"}}));
  RemoveProxyFields(headers);
  EXPECT_EQ(headers.size(), 3U);
}

}  // namespace
}  // namespace spillway
