#include "transport/base/no_proxy.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace spillway {
namespace {

using namespace std::string_literals;

struct Row {
  std::string name, list, url;
  std::string entry;  // that matches; "" for none
};

void ExpectRows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Result<Url> url = ParseUrl(row.url);
    ASSERT_TRUE(url.has_value()) << row.name;
    const NoProxy list = NoProxy::Parse(row.list);
    EXPECT_TRUE(list.problems().empty()) << row.name << ": " << list.problems().front();
    EXPECT_EQ(list.Match(*url).value_or(""), row.entry) << row.name;
    // What the list means has one text, and that text means the same.
    const NoProxy again = NoProxy::Parse(list.CanonicalText());
    EXPECT_EQ(again.CanonicalText(), list.CanonicalText()) << row.name;
    EXPECT_EQ(again.Match(*url).has_value(), !row.entry.empty()) << row.name;
  }
}

// N6: lists are split at commas, blanks and case do not matter.
TEST(NoProxy, SplitsAndTrimsEntries_N6) {
  ExpectRows({
      {"N6_empty", "", "http://a.test/", ""},
      {"N6_only_commas", ",, ,", "http://a.test/", ""},
      {"N6_first", "a.test,b.test", "http://a.test/", "a.test"},
      {"N6_last", "a.test,b.test", "http://b.test/", "b.test"},
      {"N6_blanks", " a.test ,\tb.test ", "http://b.test/", "b.test"},
      {"N6_trailing_comma", "a.test,", "http://a.test/", "a.test"},
      {"N6_case_of_entry", "A.TEST", "http://a.test/", "A.TEST"},
      {"N6_case_of_url", "a.test", "http://A.TEST/", "a.test"},
      {"N6_first_match_wins", "b.a.test,a.test,*", "http://x.a.test/", "a.test"},
  });
}

// N7: "*", alone or among others.
TEST(NoProxy, StarMatchesEverything_N7) {
  ExpectRows({
      {"N7_name", "*", "http://a.test/", "*"},
      {"N7_v4", "*", "https://10.0.0.1/", "*"},
      {"N7_v6", "*", "https://[::2]:81/", "*"},
      {"N7_anywhere", "a.test, * ,b.test", "http://c.test/", "*"},
  });
}

// N8, N12: networks match what a URL spells as an address.
TEST(NoProxy, NetworksMatchAddressesAlone_N8_N12) {
  ExpectRows({
      {"N8_inside", "10.0.0.0/8", "http://10.255.0.1/", "10.0.0.0/8"},
      {"N8_outside", "10.0.0.0/8", "http://11.0.0.1/", ""},
      {"N8_first_of", "192.168.1.128/25", "http://192.168.1.128/", "192.168.1.128/25"},
      {"N8_last_of", "192.168.1.128/25", "http://192.168.1.255/", "192.168.1.128/25"},
      {"N8_before", "192.168.1.128/25", "http://192.168.1.127/", ""},
      {"N8_after", "192.168.1.128/25", "http://192.168.2.0/", ""},
      {"N8_host_bits", "10.1.2.3/8", "http://10.9.9.9/", "10.1.2.3/8"},
      {"N8_32", "10.0.0.1/32", "http://10.0.0.1/", "10.0.0.1/32"},
      {"N8_32_other", "10.0.0.1/32", "http://10.0.0.0/", ""},
      {"N8_0", "0.0.0.0/0", "http://203.0.113.9/", "0.0.0.0/0"},
      {"N8_0_not_v6", "0.0.0.0/0", "http://[2001:db8::1]/", ""},
      {"N8_v6", "fd00::/8", "http://[fdff::1]/", "fd00::/8"},
      {"N8_v6_outside", "fd00::/8", "http://[fc00::1]/", ""},
      {"N8_v6_odd_prefix", "2001:db8::/33", "http://[2001:db8:7fff::1]/", "2001:db8::/33"},
      {"N8_v6_odd_prefix_outside", "2001:db8::/33", "http://[2001:db8:8000::1]/", ""},
      {"N8_v6_0", "::/0", "http://[2001:db8::1]/", "::/0"},
      {"N8_v6_0_not_v4", "::/0", "http://10.0.0.1/", ""},
      {"N8_never_a_name", "0.0.0.0/0,::/0", "http://a.test/", ""},
      {"N12_any_port", "10.0.0.0/8", "http://10.0.0.1:8080/", "10.0.0.0/8"},
      {"O305_mapped_host", "10.0.0.0/8", "http://[::ffff:10.0.0.1]/", "10.0.0.0/8"},
      {"O305_mapped_network", "::ffff:10.0.0.0/104", "http://10.0.0.1/", "::ffff:10.0.0.0/104"},
      {"O305_mapped_network_outside", "::ffff:10.0.0.0/104", "http://11.0.0.1/", ""},
  });
}

// N9: the port is compared with the one that the URL means.
TEST(NoProxy, AddressesMatchExactlyWithTheEffectivePort_N9) {
  ExpectRows({
      {"N9_v4", "10.0.0.1", "http://10.0.0.1:8080/", "10.0.0.1"},
      {"N9_v4_other", "10.0.0.1", "http://10.0.0.10/", ""},
      {"N9_v4_port", "10.0.0.1:8080", "http://10.0.0.1:8080/", "10.0.0.1:8080"},
      {"N9_v4_other_port", "10.0.0.1:8080", "http://10.0.0.1/", ""},
      {"N9_effective_80", "10.0.0.1:80", "http://10.0.0.1/", "10.0.0.1:80"},
      {"N9_effective_443", "10.0.0.1:443", "https://10.0.0.1/", "10.0.0.1:443"},
      {"N9_443_is_not_80", "10.0.0.1:80", "https://10.0.0.1/", ""},
      {"N9_v6", "2001:db8::1", "http://[2001:db8::1]:81/", "2001:db8::1"},
      {"N9_v6_spelling", "2001:DB8:0::1", "http://[2001:db8::1]/", "2001:DB8:0::1"},
      {"N9_v6_brackets", "[2001:db8::1]", "http://[2001:db8::1]/", "[2001:db8::1]"},
      {"N9_v6_port", "[2001:db8::1]:443", "https://[2001:db8::1]/", "[2001:db8::1]:443"},
      {"N9_v6_other_port", "[2001:db8::1]:443", "http://[2001:db8::1]/", ""},
      {"O305_mapped_host", "10.0.0.1", "http://[::ffff:10.0.0.1]/", "10.0.0.1"},
      {"O305_mapped_entry", "::ffff:10.0.0.1", "http://10.0.0.1/", "::ffff:10.0.0.1"},
      {"O305_mapped_hex", "[::ffff:a00:1]:80", "http://10.0.0.1/", "[::ffff:a00:1]:80"},
      {"O305_not_compatible", "::10.0.0.1", "http://10.0.0.1/", ""},
  });
}

// N10: whole labels only.
TEST(NoProxy, NamesMatchThemselvesAndWhatIsBelow_N10) {
  ExpectRows({
      {"N10_itself", "example.com", "http://example.com/", "example.com"},
      {"N10_below", "example.com", "http://a.example.com/", "example.com"},
      {"N10_far_below", "example.com", "http://a.b.example.com/", "example.com"},
      {"N10_not_a_suffix_of_text", "example.com", "http://notexample.com/", ""},
      {"N10_not_a_prefix", "example.com", "http://example.com.evil/", ""},
      {"N10_not_above", "a.example.com", "http://example.com/", ""},
      {"N10_dot_below", ".example.com", "http://a.example.com/", ".example.com"},
      {"N10_dot_not_itself", ".example.com", "http://example.com/", ""},
      {"N10_star_below", "*.example.com", "http://a.b.example.com/", "*.example.com"},
      {"N10_star_not_itself", "*.example.com", "http://example.com/", ""},
      {"N10_port", "example.com:8080", "http://a.example.com:8080/", "example.com:8080"},
      {"N10_other_port", "example.com:8080", "http://example.com/", ""},
      {"N10_effective_port", "example.com:443", "https://example.com/", "example.com:443"},
      {"N10_dot_port", ".example.com:80", "http://a.example.com/", ".example.com:80"},
      {"N10_star_port", "*.example.com:80", "http://a.example.com:81/", ""},
      {"N10_single_label", "com", "http://example.com/", "com"},
      {"N10_never_an_address", "a1", "http://10.0.0.1/", ""},
      {"N10_underscore", "my_service", "http://my_service/", "my_service"},
      {"N5_entry_localhost", "localhost", "http://localhost/", "localhost"},
  });
}

// N11: two spellings of a name are one name.
TEST(NoProxy, NormalisesInternationalNamesAndTrailingDots_N11) {
  ExpectRows({
      {"N11_entry_unicode",
       "b\xC3\xBC"
       "cher.test",
       "http://xn--bcher-kva.test/",
       "b\xC3\xBC"
       "cher.test"},
      {"N11_url_unicode", "xn--bcher-kva.test",
       "http://b\xC3\xBC"
       "cher.test/",
       "xn--bcher-kva.test"},
      {"N11_below",
       ".b\xC3\xBC"
       "cher.test",
       "http://www.xn--bcher-kva.test/",
       ".b\xC3\xBC"
       "cher.test"},
      {"N11_trailing_dot", "example.com.", "http://example.com/", "example.com."},
      {"N11_trailing_dot_port", "example.com.:80", "http://example.com/", "example.com.:80"},
      {"O305_trailing_dot_below", "*.example.com.", "http://a.example.com/", "*.example.com."},
  });
}

TEST(NoProxy, ReportsEntriesThatCanMatchNothing_N6_O305) {
  struct Bad {
    std::string name, entry, why;
  };
  const std::vector<Bad> rows = {
      {"N6_port_alone", ":80", "host name"},
      {"N6_bracket", "[", "brackets"},
      {"bracket_closed", "[]", "brackets"},
      {"brackets_round_v4", "[10.0.0.1]", "brackets"},
      {"brackets_and_more", "[::1]x", "brackets"},
      {"dot", ".", "host name"},
      {"star_dot", "*.", "host name"},
      {"two_dots", "a..test", "host name"},
      {"two_trailing_dots", "a.test..", "host name"},
      {"two_leading_dots", "..a.test", "host name"},
      {"star_inside", "a*.test", "host name"},
      {"star_twice", "*.*.test", "host name"},
      {"star_and_port", "*:80", "host name"},
      {"url", "http://a.test", "slash"},
      {"path", "a.test/x", "slash"},
      {"userinfo", "u@a.test", "host name"},
      {"blank_inside", "a.test b.test", "host name"},
      {"nul", "a\0.test"s, "host name"},
      {"port_zero", "a.test:0", "port"},
      {"port_large", "a.test:65536", "port"},
      {"port_name", "a.test:http", "port"},
      {"port_empty", "a.test:", "port"},
      {"port_leading_zero", "a.test:080", "port"},
      {"N8_network_with_port", "10.0.0.0/8:80", "prefix"},
      {"N8_prefix_large", "10.0.0.0/33", "prefix"},
      {"N8_prefix_large_v6", "fd00::/129", "prefix"},
      {"N8_prefix_empty", "10.0.0.0/", "prefix"},
      {"N8_prefix_signed", "10.0.0.0/+8", "prefix"},
      {"N8_prefix_mask", "10.0.0.0/255.0.0.0", "prefix"},
      {"N8_network_of_name", "a.test/8", "slash"},
      {"O305_zone", "fe80::1%eth0", "IPv6"},
      {"O305_zone_brackets", "[fe80::1%25eth0]:80", "IPv6"},
      {"O305_zone_of_name", "[::1%25.example.com]", "IPv6"},
      {"O305_zone_network", "fe80::1%eth0/64", "slash"},
      {"short_address", "127.1", "host name"},
      {"hex_address", "0x7f000001", "host name"},
      {"number", "2130706433", "host name"},
      {"wildcard_address", "10.0.0.*", "host name"},
      {"too_many_colons", "1:2:3:4:5:6:7:8:9", "IPv6"},
  };
  for (const Bad& row : rows) {
    const NoProxy list = NoProxy::Parse("good.test," + row.entry + ",last.test");
    ASSERT_EQ(list.problems().size(), 1U) << row.name;
    EXPECT_EQ(list.problems()[0].rfind("entry 2: ", 0), 0U) << row.name;
    EXPECT_NE(list.problems()[0].find(row.why), std::string::npos)
        << row.name << ": " << list.problems()[0];
    EXPECT_TRUE(list.Match(*ParseUrl("http://good.test/")).has_value()) << row.name;
    EXPECT_TRUE(list.Match(*ParseUrl("http://last.test/")).has_value()) << row.name;
    EXPECT_FALSE(list.Match(*ParseUrl("http://other.test/")).has_value()) << row.name;
  }
}

TEST(NoProxy, HoldsALimitedNumberOfEntries) {
  std::string list;
  for (std::size_t i = 0; i < kMaxNoProxyEntries; ++i) list += "h" + std::to_string(i) + ",";
  EXPECT_TRUE(NoProxy::Parse(list).problems().empty());
  EXPECT_EQ(NoProxy::Parse(list + "x").problems().size(), 1U);
}

TEST(NoProxy, KnowsWhatIsNeverProxied_N5) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"http://localhost/", "localhost"},
      {"http://LOCALHOST:8080/", "localhost"},
      {"http://x.localhost/", ""},
      {"http://localhost.test/", ""},
      {"http://127.0.0.1/", "loopback address"},
      {"http://127.255.0.9/", "loopback address"},
      {"http://128.0.0.1/", ""},
      {"http://[::1]/", "loopback address"},
      {"http://[::2]/", ""},
      {"http://[::ffff:127.0.0.1]/", "loopback address"},
      {"http://[::ffff:128.0.0.1]/", ""},
  };
  for (const auto& [url, name] : rows) EXPECT_EQ(LoopbackName(*ParseUrl(url)), name) << url;
}

}  // namespace
}  // namespace spillway
