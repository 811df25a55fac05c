#include "transport/io/tls_profile_check.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "transport/base/check.h"
#include "transport/base/ip_address.h"
#include "transport/base/mutex.h"
#include "transport/base/policy.h"
#include "transport/io/digest.h"
#include "transport/io/system_roots.h"
#include "transport/io/tls_context.h"
#include "transport/io/tls_pem.h"
#include "transport/io/tls_text.h"

namespace spillway {
namespace {

using Problem = std::optional<Failure>;

constexpr std::size_t kMaxListBytes = 4096;
constexpr std::size_t kMaxPins = 64;
// What OpenSSL takes between names; in the two newer lists a colon only.
constexpr std::string_view kCipherSeparators = ":, ;";
constexpr std::string_view kColon = ":";

std::vector<std::string> Tokens(std::string_view list, std::string_view separators) {
  std::vector<std::string> tokens;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(separators), list.size());
    if (end > 0) tokens.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return tokens;
}

using ContextPtr = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

ContextPtr Scratch() { return {SSL_CTX_new(TLS_client_method()), SSL_CTX_free}; }

// OpenSSL skips names it does not know as long as one is left; a list with a typing error would
// silently mean something else.
bool KnownCipher(SSL_CTX* scratch, const std::string& token) {
  if (token.starts_with('!') || token.starts_with('-')) return true;
  if (token == "@STRENGTH") return true;
  if (token.starts_with('@')) return false;  // @SECLEVEL would undo what we promise
  const std::string name = token.starts_with('+') ? token.substr(1) : token;
  return SSL_CTX_set_cipher_list(scratch, name.c_str()) == 1;
}

bool KnownSuite(SSL_CTX* scratch, const std::string& token) {
  if (SSL_CTX_set_ciphersuites(scratch, token.c_str()) != 1) return false;
  STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(scratch);
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(all, i);
    if (token == SSL_CIPHER_get_name(cipher) || token == SSL_CIPHER_standard_name(cipher)) {
      return true;
    }
  }
  return false;
}

bool KnownGroup(SSL_CTX* scratch, const std::string& token) {
  return SSL_CTX_set1_groups_list(scratch, token.c_str()) == 1;
}

Problem CheckList(std::string_view field, const std::string& list, std::string_view separators,
                  bool (*known)(SSL_CTX*, const std::string&)) {
  if (list.empty()) return std::nullopt;
  if (list.size() > kMaxListBytes) return BadRequest(field, "longer than 4096 bytes");
  if (list.find('\0') != std::string::npos) return BadRequest(field, "holds a NUL");
  const std::vector<std::string> tokens = Tokens(list, separators);
  if (tokens.empty()) return BadRequest(field, "names nothing");
  const ContextPtr scratch = Scratch();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool good = known(scratch.get(), tokens[i]);
    ERR_clear_error();
    if (!good) return BadRequest(field, "entry " + std::to_string(i + 1) + " is not known");
  }
  return std::nullopt;
}

Problem CheckLists(const TlsProfile& profile) {
  if (Problem problem = CheckList("ciphers", profile.ciphers, kCipherSeparators, KnownCipher))
    return problem;
  if (Problem problem = CheckList("cipher_suites", profile.cipher_suites, kColon, KnownSuite)) {
    return problem;
  }
  return CheckList("groups", profile.groups, kColon, KnownGroup);
}

Problem CheckInsecure(const TlsProfile& profile) {
  if (!profile.insecure) return std::nullopt;
  if (!profile.pins.empty()) return BadRequest("insecure", "contradicts pins");
  if (!profile.roots_pem.empty()) return BadRequest("insecure", "contradicts roots");
  if (!profile.verify_name.empty()) return BadRequest("insecure", "contradicts verify_name");
  return std::nullopt;
}

Problem CheckPins(const TlsProfile& profile) {
  if (profile.pins.size() > kMaxPins) return BadRequest("pins", "more than 64");
  for (const SpkiPin& pin : profile.pins) {
    if (pin == SpkiPin{}) return BadRequest("pins", "one is all zero");
    if (std::count(profile.pins.begin(), profile.pins.end(), pin) > 1) {
      return BadRequest("pins", "one stands there twice");
    }
  }
  return std::nullopt;
}

// A name or address literal, in canonical form afterwards.
Problem CheckHost(std::string_view field, std::string& host, bool address_allowed) {
  if (host.empty()) return std::nullopt;
  Result<std::string> canonical = CanonicalHostPattern(host, field);
  if (!canonical) return canonical.error();
  if (canonical->find_first_of("*/") != std::string::npos) {
    return BadRequest(field, "must be one name, not a pattern");
  }
  if (!address_allowed && IpAddress::Parse(*canonical)) {
    return BadRequest(field, "an address cannot be sent as a server name");
  }
  host = std::move(*canonical);
  return std::nullopt;
}

// Each part with its length in front, so that no two different profiles read alike.
void Add(std::string& text, std::string_view part) {
  text += std::to_string(part.size());
  text += ':';
  text += part;
}

void FillDigests(TlsProfile& profile) {
  const auto digest = [](const std::string& text) { return text.empty() ? "" : Sha256Hex(text); };
  std::string roots;
  if (profile.system_roots && !profile.insecure) {
    Add(roots, "system");
    Add(roots, ReadSystemRoots()->digest);
  }
  if (!profile.roots_pem.empty()) Add(roots, profile.roots_pem);
  profile.roots_digest = digest(roots);
  profile.certificate_digest = digest(profile.certificate_pem);
  profile.key_digest = digest(profile.key_pem);
  std::string all;
  for (const std::string& part :
       {profile.roots_digest, profile.certificate_digest, profile.key_digest, profile.sni,
        profile.verify_name, profile.ciphers, profile.cipher_suites, profile.groups}) {
    Add(all, part);
  }
  for (const int number :
       {static_cast<int>(profile.min_version), static_cast<int>(profile.max_version),
        profile.resumption ? 1 : 0, profile.insecure ? 1 : 0}) {
    Add(all, std::to_string(number));
  }
  std::vector<SpkiPin> pins = profile.pins;
  std::sort(pins.begin(), pins.end());
  for (const SpkiPin& pin : pins) {
    Add(all, {reinterpret_cast<const char*>(pin.data()), pin.size()});
  }
  profile.digest = Sha256Hex(all);
}

std::vector<CertificateFact> FactsOf(const std::string& pem) {
  std::vector<CertificateFact> facts;
  if (pem.empty()) return facts;
  const Result<std::vector<X509Ptr>> certificates = ParseCertificates(pem, "certificate");
  if (!certificates) return facts;
  for (const X509Ptr& certificate : *certificates) {
    facts.push_back({SubjectOf(certificate.get()), NotAfterOf(certificate.get())});
  }
  return facts;
}

}  // namespace

Result<TlsProfilePtr> SealTlsProfile(TlsProfile draft) {
  for (const auto& check : {CheckInsecure, CheckPins, CheckLists}) {
    if (Problem problem = check(draft)) return std::move(*problem);
  }
  if (Problem problem = CheckHost("sni", draft.sni, false)) return std::move(*problem);
  if (Problem problem = CheckHost("verify_name", draft.verify_name, true)) {
    return std::move(*problem);
  }
  FillDigests(draft);
  // OpenSSL itself is the judge of the rest.
  const auto context = TlsContext::Create(draft);
  if (!context) return context.error();
  return std::make_shared<const TlsProfile>(std::move(draft));
}

const TlsProfilePtr& DefaultTlsProfile() {
  static const TlsProfilePtr profile = CurrentDefaultTlsProfile();
  return profile;
}

TlsProfilePtr CurrentDefaultTlsProfile() {
  static Mutex mu;
  static TlsProfilePtr latest;
  static std::string roots;  // of `latest`
  const std::string now = ReadSystemRoots()->digest;
  MutexLock lock(mu);
  if (latest == nullptr || roots != now) {
    Result<TlsProfilePtr> sealed = SealTlsProfile({});
    SPILLWAY_CHECK(sealed.has_value());
    latest = std::move(*sealed);
    roots = now;
  }
  return latest;
}

std::vector<CertificateFact> ClientCertificateFacts(const TlsProfile& profile) {
  return FactsOf(profile.certificate_pem);
}

std::vector<CertificateFact> RootCertificateFacts(const TlsProfile& profile) {
  return FactsOf(profile.roots_pem);
}

}  // namespace spillway
