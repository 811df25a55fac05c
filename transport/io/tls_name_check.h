// Whether a certificate is for the name that was asked for.
//
// What it is: a stricter reading than OpenSSL's own check, which is applied as well
// (O-212 to O-215). Names come from subjectAltName alone, never from the subject
// (O-211, O-212); a name asks dNSName entries and an address iPAddress entries, never crosswise.
// Thread safety: pure functions of their arguments.
// Invariants: a dNSName with any byte outside letters, digits, "-", "_" and "." (and one leading
// "*.") matches nothing, so neither does one with a NUL in it (O-217).

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/url.h"

struct x509_st;  // X509

namespace spillway {

// More names than this and the rest is not looked at (O-221).
inline constexpr std::size_t kMaxCertificateNames = 4096;

// `pattern` is a dNSName as the certificate has it; `host` is canonical as Url::host. A wildcard
// stands for exactly the leftmost label, has at least two labels behind it, and never stands for
// an A-label or a label with an underscore (O-213, O-214).
bool DnsNameMatches(std::string_view pattern, std::string_view host);

// `bytes` is an iPAddress as the certificate has it: all 4 or all 16 bytes must be those of `host`,
// an address literal as Url::host. An IPv4-mapped IPv6 address is not the IPv4 address (O-216).
bool IpNameMatches(std::string_view bytes, std::string_view host);

// The subjectAltName of a certificate, as bytes; empty when there is none or more than one.
struct CertificateNames {
  std::vector<std::string> dns;
  std::vector<std::string> addresses;
};
CertificateNames NamesOf(const ::x509_st* certificate);

bool CertificateIsFor(const CertificateNames& names, std::string_view host, HostKind kind);

}  // namespace spillway
