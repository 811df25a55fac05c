// A certificate's names against a host: the wrapper round OpenSSL's own check.
//
// The input is lines: the first byte picks the kind of host, the first line is the host, the others
// are names of the certificate (dNSName, or iPAddress after a "#").
// Oracles: the wrapper agrees with a plain reading of the rules written here; nothing with a NUL
// matches; and it never accepts what OpenSSL refuses.

#include <openssl/x509v3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/check.h"
#include "transport/base/ip_address.h"
#include "transport/io/tls_name_check.h"

namespace spillway {
namespace {

std::vector<std::string> Split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string Lower(std::string text) {
  for (char& c : text) c = Lower(c);
  return text;
}

bool GoodLabel(const std::string& label) {
  constexpr std::string_view kBytes = "abcdefghijklmnopqrstuvwxyz0123456789-_";
  return !label.empty() && label.size() <= 63 &&
         label.find_first_not_of(kBytes) == std::string::npos;
}

// The rules again, by labels instead of by bytes.
bool Reference(const std::string& pattern, const std::string& host) {
  const std::vector<std::string> want = Split(Lower(host), '.');
  const std::vector<std::string> have = Split(Lower(pattern), '.');
  const bool wild = have.front() == "*";
  const std::size_t pattern_size = pattern.size() - (wild ? 2 : 0);
  if (host.size() > 253 || (pattern.size() >= 2 && pattern_size > 253)) return false;
  if (want.size() != have.size() || (wild && have.size() < 3)) return false;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (!GoodLabel(want[i])) return false;
    if (i == 0 && wild) {
      if (want[i].starts_with("xn--") || want[i].find('_') != std::string::npos) return false;
      continue;
    }
    if (!GoodLabel(have[i]) || want[i] != have[i]) return false;
  }
  return true;
}

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Certificate Make(const CertificateNames& names) {
  Certificate certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  GENERAL_NAMES* all = sk_GENERAL_NAME_new_null();
  const auto add = [all](int type, ASN1_STRING* text, const std::string& bytes) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    ASN1_STRING_set(text, bytes.data(), static_cast<int>(bytes.size()));
    GENERAL_NAME_set0_value(name, type, text);
    sk_GENERAL_NAME_push(all, name);
  };
  for (const std::string& dns : names.dns) add(GEN_DNS, ASN1_IA5STRING_new(), dns);
  for (const std::string& ip : names.addresses) add(GEN_IPADD, ASN1_OCTET_STRING_new(), ip);
  X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, all, 0, 0);
  GENERAL_NAMES_free(all);
  return certificate;
}

bool OpenSslAccepts(X509* certificate, const std::string& host, HostKind kind) {
  constexpr unsigned kFlags =
      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
  if (kind == HostKind::kName) {
    return X509_check_host(certificate, host.data(), host.size(), kFlags, nullptr) == 1;
  }
  const auto address = IpAddress::Parse(host);
  if (!address) return false;
  const std::size_t size = address->family == IpAddress::Family::kIpv4 ? 4 : 16;
  return X509_check_ip(certificate, address->bytes.data(), size, kFlags) == 1;
}

void Check(const std::string& host, HostKind kind, const CertificateNames& names) {
  bool any = false;
  for (const std::string& dns : names.dns) {
    const bool matches = DnsNameMatches(dns, host);
    SPILLWAY_CHECK(matches == Reference(dns, host));
    if (dns.find('\0') != std::string::npos || host.find('\0') != std::string::npos) {
      SPILLWAY_CHECK(!matches);
    }
    any |= matches && kind == HostKind::kName;
  }
  for (const std::string& ip : names.addresses) {
    any |= IpNameMatches(ip, host) && kind != HostKind::kName;
  }
  const bool accepted = CertificateIsFor(names, host, kind);
  SPILLWAY_CHECK(accepted == any);
  // Through a certificate, as in a handshake.
  const Certificate certificate = Make(names);
  const CertificateNames read = NamesOf(certificate.get());
  SPILLWAY_CHECK(read.dns == names.dns && read.addresses == names.addresses);
  if (accepted) SPILLWAY_CHECK(OpenSslAccepts(certificate.get(), host, kind));
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using spillway::HostKind;
  if (size == 0) return 0;
  const HostKind kind = data[0] % 3 == 0   ? HostKind::kName
                        : data[0] % 3 == 1 ? HostKind::kIpv4
                                           : HostKind::kIpv6;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::vector<std::string> lines = spillway::Split(text, '\n');
  spillway::CertificateNames names;
  for (std::size_t i = 1; i < lines.size() && i < 64; ++i) {
    if (lines[i].starts_with('#')) {
      names.addresses.push_back(lines[i].substr(1));
    } else {
      names.dns.push_back(lines[i]);
    }
  }
  spillway::Check(lines.front(), kind, names);
  return 0;
}
