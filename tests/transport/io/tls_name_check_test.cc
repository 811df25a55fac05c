#include "transport/io/tls_name_check.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace spillway {
namespace {

using std::string_literals::operator""s;

TEST(DnsNameMatches, IsStrict) {
  const struct {
    std::string pattern;
    std::string host;
    bool matches;
  } rows[] = {
      {"a.example.com", "a.example.com", true},
      {"A.EXAMPLE.com", "a.example.com", true},  // O-218
      {"a.example.com", "b.example.com", false},
      {"localhost", "localhost", true},
      {"under_score.example", "under_score.example", true},
      {"*.example.com", "a.example.com", true},  // O-213
      {"*.example.com", "A.example.COM", true},
      {"*.example.com", "a.b.example.com", false},
      {"*.example.com", "under_score.example.com", false},
      {"*.example.com", "example.com", false},
      {"*.example.com", ".example.com", false},
      {"f*.example.com", "foo.example.com", false},  // O-214
      {"*o.example.com", "foo.example.com", false},
      {"f*o.example.com", "foo.example.com", false},
      {"**.example.com", "foo.example.com", false},
      {"*", "localhost", false},
      {"*.", "localhost.", false},
      {"*.com", "example.com", false},
      {"a.*.com", "a.example.com", false},
      {"*.*.com", "a.example.com", false},
      {"*.xn--bcher-kva.example", "a.xn--bcher-kva.example", true},
      {"*.example.com", "xn--bcher-kva.example.com", false},
      {"*.example.com", "XN--bcher-kva.example.com", false},
      {"xn--bcher-kva.example.com", "xn--bcher-kva.example.com", true},
      {"xn--*.example.com", "xn--bcher-kva.example.com", false},
      {"a.example.com\0"s, "a.example.com", false},  // O-217
      {"a.example.com\0.evil.example"s, "a.example.com", false},
      {"a.example.com\0.evil.example"s, "a.example.com\0.evil.example"s, false},
      {"a.example.com.", "a.example.com", false},
      {"a.example.com", "a.example.com.", false},
      {".example.com", "a.example.com", false},
      {"a..example.com", "a..example.com", false},
      {"", "", false},
      {"", "a.example.com", false},
      {"a.example.com ", "a.example.com", false},
      {"b\xc3\xbc.example.com", "b\xc3\xbc.example.com", false},
      {std::string(64, 'a') + ".example", std::string(64, 'a') + ".example", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(row.matches, DnsNameMatches(row.pattern, row.host)) << row.pattern << " " << row.host;
  }
}

TEST(IpNameMatches, ComparesAllBytes) {
  const std::string mapped = std::string(10, '\0') + "\xff\xff\x0a\x00\x00\x01"s;
  const std::string v6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01"s;
  const struct {
    std::string bytes;
    std::string host;
    bool matches;
  } rows[] = {
      {"\x0a\x00\x00\x01"s, "10.0.0.1", true},  // O-215
      {"\x0a\x00\x00\x02"s, "10.0.0.1", false},
      {"10.0.0.1", "10.0.0.1", false},
      {v6, "2001:db8::1", true},  // O-216
      {mapped, "10.0.0.1", false},
      {"\x0a\x00\x00\x01"s, "::ffff:10.0.0.1", false},
      {mapped, "::ffff:10.0.0.1", true},
      {"\x0a\x00\x00\x01\xff\xff\xff\xff"s, "10.0.0.1", false},  // address and mask
      {"", "10.0.0.1", false},
      {v6, "2001:db8::1%eth0", false},
      {v6, "localhost", false},
  };
  for (const auto& row : rows)
    EXPECT_EQ(row.matches, IpNameMatches(row.bytes, row.host)) << row.host;
}

TEST(CertificateIsFor, AsksEachKindOfNameOnlyForItsKindOfHost) {
  const CertificateNames names{{"a.example.com", "10.0.0.1"}, {"\x0a\x00\x00\x02"s}};
  EXPECT_TRUE(CertificateIsFor(names, "a.example.com", HostKind::kName));
  EXPECT_FALSE(CertificateIsFor(names, "10.0.0.1", HostKind::kIpv4));
  EXPECT_TRUE(CertificateIsFor(names, "10.0.0.2", HostKind::kIpv4));
  EXPECT_FALSE(CertificateIsFor({}, "a.example.com", HostKind::kName));
}

}  // namespace
}  // namespace spillway
