// Which destination a URL gets, and which sets of destinations are refused.

#include "transport/base/policy.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace spillway {
namespace {

Url UrlOf(const std::string& text) {
  const Result<Url> url = ParseUrl(text);
  EXPECT_TRUE(url.has_value()) << text;
  return url.has_value() ? *url : Url{};
}

Destination Named(std::string name, std::vector<DestinationMatch> matches) {
  Destination destination;
  destination.name = std::move(name);
  destination.matches = std::move(matches);
  return destination;
}

Result<std::shared_ptr<const Policy>> Build(std::vector<Destination> destinations) {
  return Policy::Build(7, std::move(destinations), Destination{}, RequestFieldLimits{});
}

// Every kind of match, none in the order in which they must be tried.
std::vector<Destination> Everything() {
  return {
      Named("suffix", {{"", "*.example.com", {}}}),
      Named("suffix-https", {{"https", "*.example.com", {}}}),
      Named("suffix-8080", {{"", "*.example.com", {9090, 8080}}}),
      Named("deep-suffix", {{"", "*.eu.example.com", {}}}),
      Named("api", {{"", "api.example.com", {}}}),
      Named("api-http", {{"http", "api.example.com", {}}}),
      Named("api-8080", {{"", "api.example.com", {8080}}}),
      Named("api-http-8080", {{"http", "api.example.com", {8080}}}),
      Named("only-https", {{"https", "secure.example.org", {}}}),
      Named("two", {{"", "one.example.org", {}}, {"", "two.example.org", {81}}}),
      Named("v4", {{"", "192.0.2.7", {}}}),
      Named("v6", {{"", "2001:db8::7", {8443}}}),
      Named("top", {{"", "*.internal", {}}}),
      Named("ten", {{"", "10.0.0.0/8", {}}}),
      Named("ten-one", {{"", "10.1.0.0/16", {}}}),
      Named("ten-one-8080", {{"", "10.1.0.0/16", {8080}}}),
      Named("ten-one-two", {{"https", "10.1.2.0/23", {}}}),
      Named("ten-exact", {{"", "10.1.2.3", {9}}}),
      Named("ten-alone", {{"", "10.1.2.4/32", {}}}),
      Named("unique-local", {{"", "fc00::/7", {}}}),
      Named("documentation", {{"", "2001:db9::/33", {}}}),
  };
}

struct MatchRow {
  const char* title;
  const char* url;
  const char* destination;
};

class PolicyMatch : public testing::TestWithParam<MatchRow> {};

TEST_P(PolicyMatch, GivesTheMostSpecificDestination) {
  const auto policy = Build(Everything());
  ASSERT_TRUE(policy.has_value()) << policy.error().message;
  EXPECT_EQ((*policy)->Match(UrlOf(GetParam().url)).name, GetParam().destination);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, PolicyMatch,
    testing::Values(
        MatchRow{"ExactBeforeSuffix", "https://api.example.com/", "api"},
        MatchRow{"SchemeBeforeNone", "http://api.example.com/", "api-http"},
        MatchRow{"PortBeforeScheme", "https://api.example.com:8080/", "api-8080"},
        MatchRow{"PortAndSchemeBeforePort", "http://api.example.com:8080/", "api-http-8080"},
        MatchRow{"ExactWithoutPortBeforeSuffixWithPort", "https://api.example.com:9090/", "api"},
        MatchRow{"Suffix", "http://other.example.com/", "suffix"},
        MatchRow{"SuffixWithScheme", "https://other.example.com/", "suffix-https"},
        MatchRow{"SuffixPortBeforeScheme", "https://other.example.com:8080/", "suffix-8080"},
        MatchRow{"SecondPortOfAList", "http://other.example.com:9090/", "suffix-8080"},
        MatchRow{"LongerSuffixBeforeShorterWithPort", "http://a.eu.example.com:8080/",
                 "deep-suffix"},
        MatchRow{"SuffixSpansLabels", "http://a.b.c.example.com/", "suffix"},
        MatchRow{"C063SuffixIsNotItsOwnHost", "http://example.com/", ""},
        MatchRow{"SuffixOfAShorterSuffix", "http://eu.example.com/", "suffix"},
        MatchRow{"C063SuffixNeedsAWholeLabel", "http://evilexample.com/", ""},
        MatchRow{"C063SuffixInTheMiddle", "http://x.example.com.evil.org/", ""},
        MatchRow{"CaseOfTheUrl", "http://API.Example.COM/", "api-http"},
        MatchRow{"OneLabelSuffix", "http://db.internal/", "top"},
        MatchRow{"DefaultPortIsAPort", "http://two.example.org/", ""},
        MatchRow{"SecondMatchOfADestination", "http://two.example.org:81/", "two"},
        MatchRow{"OtherScheme", "http://secure.example.org/", ""},
        MatchRow{"Ipv4", "http://192.0.2.7:99/", "v4"},
        MatchRow{"OtherIpv4", "http://192.0.2.8/", ""},
        MatchRow{"Ipv6InAnotherSpelling", "http://[2001:0db8:0::0007]:8443/", "v6"},
        MatchRow{"Ipv6OtherPort", "http://[2001:db8::7]/", ""},
        MatchRow{"Network", "http://10.200.0.1/", "ten"},
        MatchRow{"LongerNetworkBeforeShorter", "http://10.1.255.255/", "ten-one"},
        MatchRow{"NetworkWithPortBeforeWithout", "http://10.1.9.9:8080/", "ten-one-8080"},
        MatchRow{"NetworkThatEndsInsideAByte", "https://10.1.3.255:8080/", "ten-one-two"},
        MatchRow{"JustBehindThatNetwork", "https://10.1.4.0/", "ten-one"},
        MatchRow{"LongerNetworkOfAnotherScheme", "http://10.1.2.5/", "ten-one"},
        MatchRow{"ExactAddressBeforeNetwork", "https://10.1.2.3:9/", "ten-exact"},
        MatchRow{"ExactAddressOfAnotherPort", "https://10.1.2.3/", "ten-one-two"},
        MatchRow{"NetworkOfOneAddress", "https://10.1.2.4/", "ten-alone"},
        MatchRow{"Ipv6Network", "http://[fd12::1]/", "unique-local"},
        MatchRow{"Ipv6NetworkInsideAByte", "http://[2001:db9:7fff::1]/", "documentation"},
        MatchRow{"BehindAnIpv6Network", "http://[2001:db9:8000::1]/", ""},
        MatchRow{"NetworksAreNotForNames", "http://10.1.2.4.example.org/", ""},
        MatchRow{"NetworksDoNotReachIntoMappedAddresses", "http://[::ffff:10.1.2.4]/", ""},
        MatchRow{"Unknown", "http://elsewhere.test/", ""}),
    [](const testing::TestParamInfo<MatchRow>& row) { return std::string(row.param.title); });

TEST(Policy, WithoutDestinationsEverythingGetsTheFallback) {
  Destination fallback;
  fallback.pool.max_connections = 3;
  const auto policy = Policy::Build(1, {}, fallback, RequestFieldLimits{});
  ASSERT_TRUE(policy.has_value());
  EXPECT_EQ((*policy)->Match(UrlOf("http://a.test/")).pool.max_connections, 3U);
  EXPECT_EQ(&(*policy)->Match(UrlOf("http://a.test/")), &(*policy)->fallback());
}

struct RuleRow {
  const char* title;
  DestinationMatch match;
  const char* url;
  const char* rule;
};

class PolicyRule : public testing::TestWithParam<RuleRow> {};

TEST_P(PolicyRule, IsTheTextOfTheMatchThatWon) {
  const auto policy = Build({Named("d", {{"", "other.test", {}}, GetParam().match})});
  ASSERT_TRUE(policy.has_value()) << policy.error().message;
  std::string_view rule = "before";
  (*policy)->Match(UrlOf(GetParam().url), &rule);
  EXPECT_EQ(rule, GetParam().rule);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, PolicyRule,
    testing::Values(
        RuleRow{"Host", {"", "a.test", {}}, "http://a.test/", "a.test"},
        RuleRow{"Suffix", {"", "*.a.test", {443}}, "https://b.a.test/", "*.a.test:443"},
        RuleRow{"Ports", {"http", "a.test", {81, 80}}, "http://a.test/", "http://a.test:81,80"},
        RuleRow{"Network", {"", "10.0.0.0/8", {80}}, "http://10.1.1.1/", "10.0.0.0/8:80"},
        RuleRow{"Ipv6", {"", "::1", {80}}, "http://[::1]/", "[::1]:80"},
        RuleRow{"Ipv6WithoutPort", {"https", "::1", {}}, "https://[::1]/", "https://::1"},
        RuleRow{"Fallback", {"", "a.test", {}}, "http://b.test/", ""}),
    [](const testing::TestParamInfo<RuleRow>& row) { return std::string(row.param.title); });

TEST(Policy, KeepsVersionLimitsAndOrder) {
  RequestFieldLimits limits;
  limits.max_fields = 9;
  const auto policy =
      Policy::Build(42, {Named("b", {{"", "b.test", {}}}), Named("a", {{"", "a.test", {}}})},
                    Destination{}, limits);
  ASSERT_TRUE(policy.has_value());
  EXPECT_EQ((*policy)->version(), 42U);
  EXPECT_EQ((*policy)->request_limits().max_fields, 9U);
  ASSERT_EQ((*policy)->destinations().size(), 2U);
  EXPECT_EQ((*policy)->destinations()[0].name, "b");
}

struct RefusalRow {
  const char* title;
  std::vector<Destination> destinations;
  const char* field;
};

class PolicyRefusal : public testing::TestWithParam<RefusalRow> {};

TEST_P(PolicyRefusal, NamesTheFieldAtFault) {
  const auto policy = Build(GetParam().destinations);
  ASSERT_FALSE(policy.has_value());
  EXPECT_EQ(policy.error().field, GetParam().field) << policy.error().message;
  EXPECT_EQ(policy.error().reason, Reason::kHttpRequestError);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, PolicyRefusal,
    testing::Values(
        RefusalRow{"NoName", {Named("", {{"", "a.test", {}}})}, "destinations[0].name"},
        RefusalRow{"NameTwice",
                   {Named("a", {{"", "a.test", {}}}), Named("a", {{"", "b.test", {}}})},
                   "destinations[1].name"},
        RefusalRow{"NoMatches", {Named("a", {})}, "destinations[0].matches"},
        RefusalRow{"UnknownScheme",
                   {Named("a", {{"ftp", "a.test", {}}})},
                   "destinations[0].matches[0].scheme"},
        RefusalRow{"NoHost", {Named("a", {{"", "", {}}})}, "destinations[0].matches[0].host"},
        RefusalRow{"HostNotCanonical",
                   {Named("a", {{"", "A.test", {}}})},
                   "destinations[0].matches[0].host"},
        RefusalRow{"PortZero",
                   {Named("a", {{"", "a.test", {0, 80}}})},
                   "destinations[0].matches[0].ports"},
        RefusalRow{"PortTwice",
                   {Named("a", {{"", "a.test", {80, 81, 80}}})},
                   "destinations[0].matches[0].ports"},
        RefusalRow{"TieOnHost",
                   {Named("a", {{"", "a.test", {}}}), Named("b", {{"", "a.test", {}}})},
                   "destinations[1].matches[0].host"},
        RefusalRow{"TieOnSuffix",
                   {Named("a", {{"", "*.a.test", {}}}),
                    Named("b", {{"", "b.test", {}}, {"", "*.a.test", {}}})},
                   "destinations[1].matches[1].host"},
        RefusalRow{"TieOnNetwork",
                   {Named("a", {{"", "10.0.0.0/8", {}}}), Named("b", {{"", "10.0.0.0/8", {}}})},
                   "destinations[1].matches[0].host"},
        RefusalRow{"NetworkNotCanonical",
                   {Named("a", {{"", "2001:DB8::/32", {}}})},
                   "destinations[0].matches[0].host"},
        RefusalRow{"TieOnOnePort",
                   {Named("a", {{"", "a.test", {80, 81}}}), Named("b", {{"", "a.test", {81, 82}}})},
                   "destinations[1].matches[0].ports"},
        RefusalRow{"TieOnSchemeAndPort",
                   {Named("a", {{"http", "a.test", {80}}}), Named("b", {{"http", "a.test", {80}}})},
                   "destinations[1].matches[0].ports"},
        RefusalRow{"TieWithinOneDestination",
                   {Named("a", {{"", "a.test", {}}, {"", "a.test", {}}})},
                   "destinations[0].matches[1].host"}),
    [](const testing::TestParamInfo<RefusalRow>& row) { return std::string(row.param.title); });

TEST(Policy, DifferentRanksOfOneHostAreNoTie) {
  EXPECT_TRUE(Build({Named("a", {{"", "a.test", {}},
                                 {"http", "a.test", {}},
                                 {"https", "a.test", {}},
                                 {"", "a.test", {80}},
                                 {"", "a.test", {81}},
                                 {"http", "a.test", {80}},
                                 {"", "*.a.test", {}}})})
                  .has_value());
}

TEST(Policy, ATieNamesTheOtherSideInItsMessage) {
  const auto policy = Build({Named("a", {{"", "a.test", {}}}), Named("b", {{"", "a.test", {}}})});
  ASSERT_FALSE(policy.has_value());
  EXPECT_NE(policy.error().message.find("destinations[0].matches[0]"), std::string::npos);
}

TEST(Policy, CheckFindsEveryProblem) {
  const std::vector<Failure> problems =
      Policy::Check({Named("", {{"ftp", "A.test", {0}}}), Named("b", {}),
                     Named("b", {{"", "c.test", {}}, {"", "c.test", {}}})},
                    Destination{});
  std::vector<std::string> fields;
  for (const Failure& problem : problems) fields.push_back(problem.field);
  EXPECT_EQ(fields,
            (std::vector<std::string>{"destinations[0].name", "destinations[0].matches[0].scheme",
                                      "destinations[0].matches[0].host",
                                      "destinations[0].matches[0].ports", "destinations[1].matches",
                                      "destinations[2].name", "destinations[2].matches[1].host"}));
}

TEST(Policy, TheFallbackHasNeitherNameNorMatches) {
  EXPECT_EQ(Policy::Build(1, {}, Named("x", {}), {}).error().field, "fallback.name");
  EXPECT_EQ(Policy::Build(1, {}, Named("", {{"", "a.test", {}}}), {}).error().field,
            "fallback.matches");
}

struct PatternRow {
  const char* pattern;
  const char* canonical;  // "" when refused
};

TEST(CanonicalHostPattern, AcceptsWhatAUrlMayHold) {
  const PatternRow rows[] = {
      {"a.test", "a.test"},
      {"A.Test", "a.test"},
      {"*.A.Test", "*.a.test"},
      {"192.0.2.1", "192.0.2.1"},
      {"[::1]", "::1"},
      {"::1", "::1"},
      {"2001:DB8:0:0::1", "2001:db8::1"},
      {"b\xc3\xbc"
       "cher.test",
       "xn--bcher-kva.test"},
      {"10.0.0.0/8", "10.0.0.0/8"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"192.0.2.1/32", "192.0.2.1/32"},
      {"2001:DB8:0::/32", "2001:db8::/32"},
      {"[2001:db8::]/32", "2001:db8::/32"},
      {"10.0.0.1/8", ""},
      {"10.0.0.0/33", ""},
      {"10.0.0.0/256", ""},
      {"10.0.0.0/-1", ""},
      {"10.0.0.0/08", ""},
      {"10.0.0.0/", ""},
      {"/8", ""},
      {"10.0.0.0/8/8", ""},
      {"10.0.0/8", ""},
      {"10/8", ""},
      {"::1/64", ""},
      {"::/129", ""},
      {"fe80::%eth0/10", ""},
      {"a.test/8", ""},
      {"*.10.0.0.0/8", ""},
      // C-063: only whole labels in front, and nothing that is not a host.
      {"", ""},
      {"*", ""},
      {"*.", ""},
      {"*.*.test", ""},
      {"a.*.test", ""},
      {"*a.test", ""},
      {"*.192.0.2.1", ""},
      {"*.[::1]", ""},
      {"a.test:80", ""},
      {"[::1]:80", ""},
      {"a.test/x", ""},
      {"a.test?x", ""},
      {"a.test#x", ""},
      {"user@a.test", ""},
      {"a b.test", ""},
      {"127.1", ""},
      {"0x7f000001", ""},
  };
  for (const PatternRow& row : rows) {
    const Result<std::string> canonical = CanonicalHostPattern(row.pattern, "host");
    if (*row.canonical == '\0') {
      ASSERT_FALSE(canonical.has_value()) << row.pattern;
      EXPECT_EQ(canonical.error().field, "host");
    } else {
      ASSERT_TRUE(canonical.has_value()) << row.pattern;
      EXPECT_EQ(*canonical, row.canonical);
    }
  }
}

}  // namespace
}  // namespace spillway
