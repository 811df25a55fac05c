#include "transport/io/tls_name_check.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "transport/base/header_list.h"
#include "transport/base/ip_address.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxNameBytes = 253;
constexpr std::size_t kMaxLabelBytes = 63;
constexpr std::string_view kALabel = "xn--";

bool IsLabelByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Labels of allowed bytes, none empty, with single dots between them.
bool IsPlainName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) return false;
  std::size_t label = 0;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (!IsLabelByte(c) || ++label > kMaxLabelBytes) {
      return false;
    }
  }
  return label > 0;
}

bool WildcardMatches(std::string_view suffix, std::string_view host) {
  if (!IsPlainName(suffix) || suffix.find('.') == std::string_view::npos) return false;
  const std::size_t dot = host.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view label = host.substr(0, dot);
  const bool a_label = EqualsIgnoreCase(label.substr(0, kALabel.size()), kALabel);
  // OpenSSL's wildcards stand for letters, digits and hyphens too.
  if (a_label || label.find('_') != std::string_view::npos) return false;
  return EqualsIgnoreCase(suffix, host.substr(dot + 1));
}

std::string BytesOf(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

}  // namespace

bool DnsNameMatches(std::string_view pattern, std::string_view host) {
  if (!IsPlainName(host)) return false;
  if (pattern.starts_with("*.")) return WildcardMatches(pattern.substr(2), host);
  return IsPlainName(pattern) && EqualsIgnoreCase(pattern, host);
}

bool IpNameMatches(std::string_view bytes, std::string_view host) {
  const std::optional<IpAddress> address = IpAddress::Parse(host);
  if (!address) return false;
  const std::size_t size = address->family == IpAddress::Family::kIpv4 ? 4 : 16;
  return bytes.size() == size &&
         std::equal(bytes.begin(), bytes.end(), address->bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

CertificateNames NamesOf(const X509* certificate) {
  CertificateNames names;
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> all(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  const int count = all == nullptr ? 0 : sk_GENERAL_NAME_num(all.get());
  for (int i = 0; i < count; ++i) {
    if (names.dns.size() + names.addresses.size() >= kMaxCertificateNames) break;
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type == GEN_DNS) names.dns.push_back(BytesOf(name->d.dNSName));
    if (name->type == GEN_IPADD) names.addresses.push_back(BytesOf(name->d.iPAddress));
  }
  return names;
}

bool CertificateIsFor(const CertificateNames& names, std::string_view host, HostKind kind) {
  if (kind == HostKind::kName) {
    return std::any_of(names.dns.begin(), names.dns.end(),
                       [host](const std::string& name) { return DnsNameMatches(name, host); });
  }
  return std::any_of(names.addresses.begin(), names.addresses.end(),
                     [host](const std::string& bytes) { return IpNameMatches(bytes, host); });
}

}  // namespace spillway
