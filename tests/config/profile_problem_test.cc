// TLS profiles and proxies that cannot be meant: where the mistake is, and of which kind.

#include <gtest/gtest.h>

#include <string>

#include "server/config.h"
#include "tests/config/profile_files.h"

namespace spillway {
namespace {

struct BadRow {
  const char* title;
  const char* text;
  const char* place;  // line, column and path
  ConfigCause cause;
};

class BadProfile : public testing::TestWithParam<BadRow> {};

TEST_P(BadProfile, IsRefusedWithItsPlaceAndCause) {
  const MemoryInputs inputs = ProfileFiles();
  const ConfigResult config = ParseConfig(GetParam().text, "/etc/sw/t", 1, inputs.Inputs());
  ASSERT_FALSE(config.has_value());
  const std::string text = config.error().Text();
  EXPECT_EQ(config.error().problems.size(), 1U) << text;
  EXPECT_TRUE(text.starts_with(std::string("/etc/sw/t:") + GetParam().place + ": ")) << text;
  EXPECT_EQ(Label(config.error().problems[0].cause), Label(GetParam().cause)) << text;
  EXPECT_EQ(text.find("sekret"), std::string::npos) << text;
}

INSTANTIATE_TEST_SUITE_P(
    TlsRows, BadProfile,
    testing::Values(
        BadRow{"MissingRoots", "tls_profiles:\n- name: a\n  roots: {files: [ca.pem, no.pem]}\n",
               "3:27: tls_profiles[0].roots.files[1]", ConfigCause::kFile},
        BadRow{"KG13GarbageRoots", "tls_profiles: [{name: a, roots: {files: [garbage]}}]\n",
               "1:42: tls_profiles[0].roots.files[0]", ConfigCause::kTls},
        BadRow{"KG13EmptyRoots", "tls_profiles: [{name: a, roots: {files: [empty]}}]\n",
               "1:42: tls_profiles[0].roots.files[0]", ConfigCause::kTls},
        BadRow{"HalfWrittenRoots", "tls_profiles: [{name: a, roots: {files: [half.pem]}}]\n",
               "1:42: tls_profiles[0].roots.files[0]", ConfigCause::kTls},
        BadRow{"GarbageInline", "tls_profiles: [{name: a, roots: {inline: sekret}}]\n",
               "1:34: tls_profiles[0].roots.inline", ConfigCause::kTls},
        BadRow{"NoRootsAtAll", "tls_profiles: [{name: a, roots: {system: false}}]\n",
               "1:34: tls_profiles[0].roots.system", ConfigCause::kValue},
        BadRow{
            "MissingCertificate",
            "tls_profiles: [{name: a, certificate: {certificate_file: no, key_file: one.key}}]\n",
            "1:40: tls_profiles[0].certificate.certificate_file", ConfigCause::kFile},
        BadRow{
            "MissingKey",
            "tls_profiles: [{name: a, certificate: {certificate_file: one.pem, key_file: no}}]\n",
            "1:67: tls_profiles[0].certificate.key_file", ConfigCause::kFile},
        BadRow{"CertificateWithoutKey",
               "tls_profiles: [{name: a, certificate: {certificate_file: one.pem}}]\n",
               "1:39: tls_profiles[0].certificate.key_file", ConfigCause::kValue},
        BadRow{"X029KeyOfAnotherCertificate",
               "tls_profiles: [{name: a, certificate: {certificate_file: one.pem, key_file: "
               "two.key}}]\n",
               "1:67: tls_profiles[0].certificate.key_file", ConfigCause::kTls},
        BadRow{"GarbageKey",
               "tls_profiles: [{name: a, certificate: {certificate_file: one.pem, key_file: "
               "garbage}}]\n",
               "1:67: tls_profiles[0].certificate.key_file", ConfigCause::kTls},
        BadRow{"GarbageCertificate",
               "tls_profiles: [{name: a, certificate: {certificate_file: garbage, key_file: "
               "one.key}}]\n",
               "1:40: tls_profiles[0].certificate.certificate_file", ConfigCause::kTls},
        BadRow{"InsecureWithPins",
               "tls_profiles: [{name: a, insecure: true, pins: "
               "[sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}]\n",
               "1:26: tls_profiles[0].insecure", ConfigCause::kValue},
        BadRow{"KG13InsecureWithRoots",
               "tls_profiles: [{name: a, insecure: true, roots: {files: [ca.pem]}}]\n",
               "1:26: tls_profiles[0].insecure", ConfigCause::kValue},
        BadRow{"VersionsTheWrongWayRound",
               "tls_profiles: [{name: a, min_version: 1.3, max_version: 1.2}]\n",
               "1:26: tls_profiles[0].min_version", ConfigCause::kValue},
        BadRow{"KG13OldVersion", "tls_profiles: [{name: a, min_version: 1.1}]\n",
               "1:39: tls_profiles[0].min_version", ConfigCause::kValue},
        BadRow{"UnknownCipher", "tls_profiles: [{name: a, ciphers: nonsense}]\n",
               "1:26: tls_profiles[0].ciphers", ConfigCause::kTls},
        BadRow{"UnknownSuite", "tls_profiles: [{name: a, cipher_suites: nonsense}]\n",
               "1:26: tls_profiles[0].cipher_suites", ConfigCause::kTls},
        BadRow{"UnknownGroup", "tls_profiles: [{name: a, groups: nonsense}]\n",
               "1:26: tls_profiles[0].groups", ConfigCause::kTls},
        BadRow{"BadPin", "tls_profiles: [{name: a, pins: [sha256/AAAA]}]\n",
               "1:33: tls_profiles[0].pins[0]", ConfigCause::kValue},
        BadRow{"PinWithBitsBehindItsEnd",
               "tls_profiles: [{name: a, pins: "
               "[sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=]}]\n",
               "1:33: tls_profiles[0].pins[0]", ConfigCause::kValue},
        BadRow{"NameTwice", "tls_profiles: [{name: a}, {name: a}]\n", "1:28: tls_profiles[1].name",
               ConfigCause::kValue},
        BadRow{"UnknownProfile", "defaults: {tls_profile: b}\ntls_profiles: [{name: a}]\n",
               "1:12: defaults.tls_profile", ConfigCause::kValue},
        BadRow{"UnknownProfileOfADestination",
               "destinations: [{name: a, matches: [{host: a.t}], tls_profile: b}]\n",
               "1:50: destinations[0].tls_profile", ConfigCause::kValue},
        BadRow{"ABadProfileIsReportedOnceHoweverOftenItIsUsed",
               "defaults: {tls_profile: a}\ntls_profiles: [{name: a, ciphers: nonsense}]\n"
               "destinations: [{name: a, matches: [{host: a.t}], tls_profile: a}]\n",
               "2:26: tls_profiles[0].ciphers", ConfigCause::kTls}),
    [](const testing::TestParamInfo<BadRow>& row) { return std::string(row.param.title); });

INSTANTIATE_TEST_SUITE_P(
    ProxyRows, BadProfile,
    testing::Values(
        BadRow{"NoAddress", "proxies: [{name: a}]\n", "1:11: proxies[0]", ConfigCause::kValue},
        BadRow{"HalfAnAddress", "proxies: [{name: a, kind: http, host: p.test}]\n",
               "1:11: proxies[0]", ConfigCause::kValue},
        BadRow{"TwoAddresses", "proxies: [{name: a, url: http://p.test, port: 1}]\n",
               "1:21: proxies[0].url", ConfigCause::kValue},
        BadRow{"UnknownScheme", "proxies: [{name: a, url: ftp://p.test}]\n", "1:21: proxies[0].url",
               ConfigCause::kValue},
        BadRow{"NoScheme", "proxies: [{name: a, url: \"p.test:80\"}]\n", "1:21: proxies[0].url",
               ConfigCause::kValue},
        BadRow{"UrlWithPath", "proxies: [{name: a, url: http://p.test/x}]\n",
               "1:21: proxies[0].url", ConfigCause::kValue},
        BadRow{"UrlWithCredentials", "proxies: [{name: a, url: \"http://u:sekret@p.test\"}]\n",
               "1:21: proxies[0].url", ConfigCause::kValue},
        BadRow{"OddHost", "proxies: [{name: a, kind: http, host: 127.1, port: 80}]\n",
               "1:39: proxies[0].host", ConfigCause::kValue},
        BadRow{"OwnListener",
               "listen: {grpc: [127.0.0.1:7]}\nproxies: [{name: a, url: "
               "http://127.0.0.1:7}]\n",
               "2:21: proxies[0].url", ConfigCause::kProxy},
        BadRow{"OwnListenerByName",
               "listen: {http: 127.0.0.1:7}\nproxies: [{name: a, kind: socks5, host: localhost, "
               "port: 7}]\n",
               "2:35: proxies[0].host", ConfigCause::kProxy},
        BadRow{"OwnListenerOnAllAddresses",
               "listen: {grpc: [\"0.0.0.0:7\"]}\nproxies: [{name: a, url: http://127.0.0.9:7}]\n",
               "2:21: proxies[0].url", ConfigCause::kProxy},
        BadRow{"MissingCredentials",
               "proxies: [{name: a, url: http://p.test, credentials: {file: no}}]\n",
               "1:55: proxies[0].credentials.file", ConfigCause::kFile},
        BadRow{"CredentialsWithoutColon",
               "proxies: [{name: a, url: http://p.test, credentials: {file: no-colon}}]\n",
               "1:55: proxies[0].credentials.file", ConfigCause::kProxy},
        BadRow{"CredentialsWithoutUser",
               "proxies: [{name: a, url: http://p.test, credentials: {file: no-user}}]\n",
               "1:55: proxies[0].credentials.file", ConfigCause::kProxy},
        BadRow{"CredentialsOfTwoLines",
               "proxies: [{name: a, url: http://p.test, credentials: {file: two-lines}}]\n",
               "1:55: proxies[0].credentials.file", ConfigCause::kProxy},
        BadRow{"O298LongUser",
               "proxies: [{name: a, url: http://p.test, credentials: {file: long}}]\n",
               "1:55: proxies[0].credentials.file", ConfigCause::kProxy},
        BadRow{"VariableNotSet",
               "proxies: [{name: a, url: http://p.test, credentials: {environment: NO_SUCH}}]\n",
               "1:55: proxies[0].credentials.environment", ConfigCause::kProxy},
        BadRow{"VariableWithoutColon",
               "proxies: [{name: a, url: http://p.test, credentials: {environment: BAD_LOGIN}}]\n",
               "1:55: proxies[0].credentials.environment", ConfigCause::kProxy},
        BadRow{"TwoCredentials",
               "proxies: [{name: a, url: http://p.test, credentials: {environment: PROXY_LOGIN, "
               "file: proxy.secret}}]\n",
               "1:81: proxies[0].credentials.file", ConfigCause::kProxy},
        BadRow{"HttpsWithoutProfile", "proxies: [{name: a, url: https://p.test}]\n",
               "1:11: proxies[0]", ConfigCause::kProxy},
        BadRow{"HttpWithProfile",
               "tls_profiles: [{name: t}]\nproxies: [{name: a, url: http://p.test, tls_profile: "
               "t}]\n",
               "2:41: proxies[0].tls_profile", ConfigCause::kProxy},
        BadRow{"UnknownProfile", "proxies: [{name: a, url: https://p.test, tls_profile: t}]\n",
               "1:42: proxies[0].tls_profile", ConfigCause::kProxy},
        BadRow{"HeaderOfOurs",
               "proxies: [{name: a, url: http://p.test, connect_headers: [{name: "
               "Proxy-Authorization, value: sekret}]}]\n",
               "1:60: proxies[0].connect_headers[0].name", ConfigCause::kValue},
        BadRow{"HeaderThatBreaksTheLine",
               "proxies: [{name: a, url: http://p.test, connect_headers: [{name: A, value: "
               "\"sekret\\r\\nB: c\"}]}]\n",
               "1:76: proxies[0].connect_headers[0].value", ConfigCause::kValue},
        BadRow{"NameTwice",
               "proxies: [{name: a, url: http://p.test}, {name: a, url: http://q.test}]\n",
               "1:43: proxies[1].name", ConfigCause::kValue},
        BadRow{"UnknownProxy", "defaults: {proxy: {servers: [a]}}\n",
               "1:30: defaults.proxy.servers[0]", ConfigCause::kValue},
        BadRow{"TheSameProxyTwice",
               "proxies: [{name: a, url: http://p.test}]\ndefaults: {proxy: {servers: [a, a]}}\n",
               "2:33: defaults.proxy.servers[1]", ConfigCause::kValue},
        BadRow{"ServersWithoutAny", "defaults: {proxy: {mode: servers}}\n",
               "1:20: defaults.proxy.mode", ConfigCause::kValue},
        BadRow{
            "DirectWithServers",
            "proxies: [{name: a, url: http://p.test}]\ndefaults: {proxy: {mode: direct, servers: "
            "[a]}}\n",
            "2:34: defaults.proxy.servers", ConfigCause::kValue},
        BadRow{"ExceptionsWithoutServers", "defaults: {proxy: {no_proxy: [a]}}\n",
               "1:20: defaults.proxy.no_proxy", ConfigCause::kValue},
        BadRow{"ThenDirectWithoutServers",
               "defaults: {proxy: {mode: environment, then_direct: true}}\n",
               "1:39: defaults.proxy.then_direct", ConfigCause::kValue},
        BadRow{"SeveralHostsInOneEntry",
               "proxies: [{name: a, url: http://p.test}]\ndefaults: {proxy: {servers: [a], "
               "no_proxy: [\"a,b\"]}}\n",
               "2:45: defaults.proxy.no_proxy[0]", ConfigCause::kValue},
        BadRow{"ExceptionThatCanMatchNothing",
               "proxies: [{name: a, url: http://p.test}]\ndefaults: {proxy: {servers: [a], "
               "no_proxy: [ok.test, 10.0.0.0/33]}}\n",
               "2:54: defaults.proxy.no_proxy[1]", ConfigCause::kValue},
        BadRow{"UnknownProxyOfADestination",
               "destinations: [{name: a, matches: [{host: a.t}], proxy: {servers: [b]}}]\n",
               "1:68: destinations[0].proxy.servers[0]", ConfigCause::kValue}),
    [](const testing::TestParamInfo<BadRow>& row) { return std::string(row.param.title); });

}  // namespace
}  // namespace spillway
