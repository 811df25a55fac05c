#include "server/config_kinds.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "server/config_values.h"
#include "server/listen_address.h"
#include "transport/base/field_rules.h"
#include "transport/base/ip_address.h"
#include "transport/base/policy.h"

namespace spillway {
namespace {

using config::v1::FieldRule;

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxPathBytes = 4096;
constexpr std::size_t kMaxFieldBytes = 4096;
constexpr std::string_view kPinPrefix = "sha256/";
constexpr std::size_t kPinDigits = 44;  // base64 of 32 bytes

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsPrintable(char c) { return c > ' ' && c < '\x7f'; }

template <typename Predicate>
bool All(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

bool IsName(std::string_view text) {
  const auto word = [](char c) { return IsLetter(c) || IsDigit(c); };
  return !text.empty() && text.size() <= kMaxNameBytes && word(text.front()) &&
         All(text, [&](char c) { return word(c) || c == '.' || c == '_' || c == '-'; });
}

bool IsVariable(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes && !IsDigit(text.front()) &&
         All(text, [](char c) { return IsLetter(c) || IsDigit(c) || c == '_'; });
}

bool IsPin(std::string_view text) {
  if (!text.starts_with(kPinPrefix) || text.size() != kPinPrefix.size() + kPinDigits) return false;
  const std::string_view digits = text.substr(kPinPrefix.size());
  // 32 bytes leave one "=" at the end, and two zero bits in the digit before it.
  return digits.back() == '=' &&
         All(digits.substr(0, kPinDigits - 1),
             [](char c) { return IsLetter(c) || IsDigit(c) || c == '+' || c == '/'; }) &&
         std::string_view("AEIMQUYcgkosw048").find(digits[kPinDigits - 2]) !=
             std::string_view::npos;
}

// A host of a URL, without wildcard and network; `name` refuses addresses.
std::string CanonicalHost(std::string& value, bool name) {
  const Result<std::string> host = CanonicalHostPattern(value, "host");
  const bool plain = host.has_value() && host->find_first_of("*/") == std::string::npos;
  if (!plain || (name && IpAddress::Parse(*host).has_value())) {
    return name ? "must be a host name" : "must be a host name or an IP address";
  }
  value = *host;
  return "";
}

std::string CanonicalDuration(const FieldRule& rule, std::string& value) {
  const std::optional<Duration> duration = ParseDuration(value);
  if (!duration.has_value()) return "must be a time with units, such as 250ms or 1m30s";
  const bool inside =
      *duration >= *ParseDuration(rule.min()) && *duration <= *ParseDuration(rule.max());
  if (!inside && !(rule.forever() && *duration == kForever)) return "must be " + TextBounds(rule);
  value = FormatDuration(*duration);
  return "";
}

std::string CanonicalPattern(std::string& value) {
  Result<std::string> host = CanonicalHostPattern(value, "host");
  if (!host.has_value()) return host.error().message.substr(sizeof "host: " - 1);
  value = *std::move(host);
  return "";
}

std::string CanonicalAddress(std::string& value) {
  const Result<ListenAddress> address = ParseListenAddress(value, "address");
  if (!address.has_value()) return address.error().message.substr(sizeof "address: " - 1);
  value = address->Text();
  return "";
}

std::string CanonicalIp(std::string& value) {
  const std::optional<IpAddress> address = IpAddress::Parse(value);
  if (!address.has_value()) return "must be an IP address";
  value = address->Text();
  return "";
}

std::size_t MaxBytes(const FieldRule& rule) {
  return static_cast<std::size_t>(ParseWhole(rule.max()).value_or(0));
}

// Of the kinds that are a set of texts with nothing to convert.
bool IsAllowed(const FieldRule& rule, const std::string& value) {
  switch (rule.kind()) {
    case config::v1::VALUE_KIND_NAME:
      return IsName(value);
    case config::v1::VALUE_KIND_SCHEME:
      return value == "http" || value == "https";
    case config::v1::VALUE_KIND_CHOICE:
      return std::find(rule.choices().begin(), rule.choices().end(), value) != rule.choices().end();
    case config::v1::VALUE_KIND_PATH:
      return !value.empty() && value.size() <= kMaxPathBytes;
    case config::v1::VALUE_KIND_PIN:
      return IsPin(value);
    case config::v1::VALUE_KIND_VARIABLE:
      return IsVariable(value);
    case config::v1::VALUE_KIND_FIELD_NAME:
      return value.size() <= kMaxNameBytes && IsToken(value);
    case config::v1::VALUE_KIND_FIELD_VALUE:
      return value.size() <= kMaxFieldBytes && IsFieldValue(value);
    case config::v1::VALUE_KIND_WORD:
      return !value.empty() && value.size() <= MaxBytes(rule) && All(value, IsPrintable);
    case config::v1::VALUE_KIND_TEXT:
      return !value.empty() && value.size() <= MaxBytes(rule);
    default:
      return true;
  }
}

}  // namespace

std::string CanonicalText(const FieldRule& rule, std::string& value) {
  switch (rule.kind()) {
    case config::v1::VALUE_KIND_DURATION:
      return CanonicalDuration(rule, value);
    case config::v1::VALUE_KIND_ADDRESS:
      return CanonicalAddress(value);
    case config::v1::VALUE_KIND_HOST:
      return CanonicalPattern(value);
    case config::v1::VALUE_KIND_HOST_NAME:
      return CanonicalHost(value, true);
    case config::v1::VALUE_KIND_PLAIN_HOST:
      return CanonicalHost(value, false);
    case config::v1::VALUE_KIND_IP_ADDRESS:
      return CanonicalIp(value);
    default:
      return IsAllowed(rule, value) ? "" : "must be " + TextBounds(rule);
  }
}

std::string ChoicesText(const FieldRule& rule) {
  std::string text;
  for (int i = 0; i < rule.choices_size(); ++i) {
    if (i > 0) text += i + 1 == rule.choices_size() ? " or " : ", ";
    text += rule.choices(i);
  }
  return text;
}

std::string TextBounds(const FieldRule& rule) {
  switch (rule.kind()) {
    case config::v1::VALUE_KIND_NAME:
      return "1 to 64 letters, digits, \".\", \"_\" and \"-\"";
    case config::v1::VALUE_KIND_ADDRESS:
      return "an address";
    case config::v1::VALUE_KIND_HOST:
      return "a host";
    case config::v1::VALUE_KIND_SCHEME:
      return "http or https";
    case config::v1::VALUE_KIND_CHOICE:
      return ChoicesText(rule);
    case config::v1::VALUE_KIND_PATH:
      return "a path";
    case config::v1::VALUE_KIND_HOST_NAME:
      return "a host name";
    case config::v1::VALUE_KIND_PLAIN_HOST:
      return "a host name or an IP address";
    case config::v1::VALUE_KIND_IP_ADDRESS:
      return "an IP address";
    case config::v1::VALUE_KIND_PIN:
      return "sha256/ and 44 characters of base64";
    case config::v1::VALUE_KIND_VARIABLE:
      return "the name of an environment variable";
    case config::v1::VALUE_KIND_FIELD_NAME:
      return "the name of a header field";
    case config::v1::VALUE_KIND_FIELD_VALUE:
      return "the value of a header field";
    case config::v1::VALUE_KIND_WORD:
      return "a word of at most " + rule.max() + " characters";
    case config::v1::VALUE_KIND_TEXT:
      return "text of at most " + rule.max() + " bytes";
    default:
      return rule.min() + " to " + rule.max() + (rule.forever() ? ", or forever" : "");
  }
}

}  // namespace spillway
