// An explanation as people read it.

#include "cli/explain_text.h"

#include <gtest/gtest.h>

namespace spillway::cli {
namespace {

TEST(ExplainText, SaysWhichWayAndWhy) {
  spillway::v1::ExplainResponse response;
  response.set_url("https://a.partner.test/");
  response.set_destination("partner");
  response.set_rule("*.partner.test");
  response.set_policy_version(3);
  response.set_protocol("auto");
  response.set_proxy_reason("the destination's list of proxies");
  auto& way = *response.add_ways();
  way.set_proxy("https://proxy.test:3129");
  way.set_proxy_name("corp");
  way.set_tunnel("connect");
  way.mutable_proxy_tls()->set_profile("proxy");
  way.mutable_proxy_tls()->set_insecure(true);
  response.add_ways()->set_dialled("a.partner.test:443");
  auto& tls = *response.mutable_tls();
  tls.set_profile("partner");
  tls.set_roots("own");
  tls.set_verify_name("a.partner.test");
  tls.set_sni("front.test");
  tls.set_min_version("1.2");
  tls.set_max_version("1.3");
  tls.set_pins(2);
  tls.set_certificate_subject("CN=us\x1b[2J");
  tls.mutable_certificate_expiry()->set_seconds(1'800'000'000);
  response.set_address_source("resolver");
  auto& good = *response.add_addresses();
  good.set_address("192.0.2.1");
  good.set_allowed(true);
  response.add_addresses()->set_address("10.0.0.1");
  response.set_pool_key("https://a.partner.test:443 destination=partner");
  response.mutable_limits()->set_max_connections(8);
  response.mutable_timeouts()->mutable_connect()->set_seconds(10);
  response.set_isolate_tenants(true);
  EXPECT_EQ(ExplainText(response),
            "url           https://a.partner.test/\n"
            "destination   partner\n"
            "rule          *.partner.test\n"
            "policy        version 3\n"
            "protocol      auto\n"
            "proxy         the destination's list of proxies\n"
            "way           proxy https://proxy.test:3129 (corp), connect\n"
            "  proxy TLS   profile proxy, INSECURE: whoever answers is believed\n"
            "way           direct, to a.partner.test:443\n"
            "TLS           profile partner, trusts own roots, certificate must be for "
            "a.partner.test, SNI front.test, TLS 1.2 to 1.3, pins: 2, no resumption\n"
            "we are        CN=us\\x1b[2J, until 2027-01-15 08:00 UTC\n"
            "addresses     192.0.2.1, 10.0.0.1 (refused by policy) (resolver)\n"
            "pool          https://a.partner.test:443 destination=partner\n"
            "limits        8 connections, 0 idle, 0 waiting, 0 dials\n"
            "timeouts      connect 10.0 s\n"
            "tenants       never share a connection\n");
}

TEST(ExplainText, SaysWhyNothingWouldBeSent) {
  spillway::v1::ExplainResponse response;
  response.set_url("https://other.test/");
  response.set_policy_version(1);
  response.mutable_refusal()->set_reason("http_request_denied");
  response.mutable_refusal()->set_message("policy refuses destinations that it does not name");
  EXPECT_EQ(
      ExplainText(response),
      "url           https://other.test/\n"
      "destination   none matches: the defaults\n"
      "policy        version 1\n"
      "REFUSED       http_request_denied: policy refuses destinations that it does not name\n");
}

}  // namespace
}  // namespace spillway::cli
