#include "tests/harness/test_tls.h"

#include <functional>
#include <utility>
#include <vector>

#include "tests/harness/certificates.h"

namespace spillway {
namespace {

using std::chrono::hours;

TlsIdentity Of(const TestCertificate& certificate) {
  return {certificate.chain_pem(), certificate.key_pem()};
}

CertificateSpec For(std::vector<std::string> names) {
  CertificateSpec spec;
  spec.common_name = names.front();
  spec.dns = std::move(names);
  return spec;
}

CertificateSpec Changed(const std::function<void(CertificateSpec&)>& change) {
  CertificateSpec spec = For({"origin.test"});
  change(spec);
  return spec;
}

// Each is wrong in one thing only.
void AddWrongOnes(const TestCertificate& root, std::map<std::string, TlsIdentity>& into) {
  const auto add = [&](const char* name, const std::function<void(CertificateSpec&)>& change) {
    into[name] = Of(root.Issue(Changed(change)));
  };
  add("expired", [](CertificateSpec& s) {
    s.begins = -hours(48);
    s.ends = -hours(24);
  });
  add("future", [](CertificateSpec& s) {
    s.begins = hours(24);
    s.ends = hours(48);
  });
  add("wrong_host", [](CertificateSpec& s) { s.dns = {"elsewhere.test"}; });
  add("no_san", [](CertificateSpec& s) { s.dns = {}; });
  add("wildcard", [](CertificateSpec& s) { s.dns = {"*.example.test"}; });
  add("partial_wildcard", [](CertificateSpec& s) { s.dns = {"o*.test", "origi*.test"}; });
  add("top_wildcard", [](CertificateSpec& s) { s.dns = {"*.test", "*"}; });
  add("inner_wildcard", [](CertificateSpec& s) { s.dns = {"a.*.test"}; });
  add("nul", [](CertificateSpec& s) { s.dns = {std::string("origin.test\0.evil.test", 22)}; });
  add("dns_ip", [](CertificateSpec& s) {
    s.common_name = "127.0.0.1";
    s.dns = {"127.0.0.1"};
  });
  add("ip", [](CertificateSpec& s) {
    s.dns = {};
    s.ips = {"127.0.0.1", "::1"};
  });
  add("ipv6_only", [](CertificateSpec& s) {
    s.dns = {};
    s.ips = {"::ffff:127.0.0.1", "::1"};
  });
  add("client_only", [](CertificateSpec& s) { s.extended_key_usage = "clientAuth"; });
  add("rsa1024", [](CertificateSpec& s) { s.key = TestKey::kRsa1024; });
  add("sha1", [](CertificateSpec& s) { s.hash = "SHA1"; });
  add("dsa", [](CertificateSpec& s) { s.key = TestKey::kDsa2048; });
}

void AddWrongChains(const TestCertificate& root, std::map<std::string, TlsIdentity>& into) {
  const CertificateSpec leaf = For({"origin.test"});
  into["unknown_ca"] = Of(TestCertificate::Root("unknown root").Issue(leaf));
  into["self_signed"] = Of(TestCertificate::SelfSigned(leaf));
  CertificateSpec authority;
  authority.common_name = "intermediate";
  authority.authority = true;
  const TestCertificate middle = root.Issue(authority);
  const TestCertificate below = middle.Issue(leaf);
  into["intermediate"] = Of(below);
  into["no_intermediate"] = {below.pem(), below.key_pem()};
  CertificateSpec impostor = authority;
  impostor.authority = false;
  into["not_a_ca"] = Of(root.Issue(impostor).Issue(leaf));
  CertificateSpec shallow = authority;
  shallow.path_length = 0;
  into["too_long"] = Of(root.Issue(shallow).Issue(authority).Issue(leaf));
  CertificateSpec constrained = authority;
  constrained.name_constraints = "permitted;DNS:example.test";
  into["constrained"] = Of(root.Issue(constrained).Issue(leaf));
  CertificateSpec crowd = leaf;
  for (int i = 0; i < 1000; ++i) crowd.dns.push_back("n" + std::to_string(i) + ".test");
  into["many_names"] = Of(root.Issue(crowd));
}

TlsWorld Make() {
  TlsWorld world;
  const TestCertificate root = TestCertificate::Root("test root");
  const TestCertificate clients = TestCertificate::Root("clients root");
  CertificateSpec old;  // ECDSA knows no MD5
  old.common_name = "test root with RSA";
  old.authority = true;
  old.key = TestKey::kRsa2048;
  const TestCertificate rsa_root = TestCertificate::SelfSigned(old);
  world.roots_pem = root.pem() + rsa_root.pem();
  world.keys.identities["md5"] = Of(rsa_root.Issue(Changed([](auto& s) { s.hash = "MD5"; })));
  world.other_roots_pem = TestCertificate::Root("other root").pem();
  CertificateSpec good = For({"origin.test", "other.test", "localhost"});
  good.ips = {"127.0.0.1", "::1"};
  world.keys.identities["origin"] = Of(root.Issue(good));
  world.keys.identities["other"] = Of(root.Issue(For({"other.test"})));
  world.keys.identities["second"] = Of(root.Issue(good));
  AddWrongOnes(root, world.keys.identities);
  AddWrongChains(root, world.keys.identities);
  world.keys.authorities_pem["clients"] = clients.pem();
  world.keys.ticket_key = std::string(80, 'k');
  CertificateSpec caller;
  caller.common_name = "caller";
  world.client = Of(clients.Issue(caller));
  caller.common_name = "caller two";
  world.second_client = Of(clients.Issue(caller));
  world.stranger = Of(TestCertificate::Root("strangers").Issue(caller));
  return world;
}

}  // namespace

const TlsWorld& TestTls() {
  static const TlsWorld kWorld = Make();
  return kWorld;
}

}  // namespace spillway
