// Members of our structs as fields of a schema message, one direction each.
//
// What it is: ConfigReader and ConfigWriter are called with a field's name and a member; a list of
// such calls (server/config_binding.cc) then works in both directions.
// Thread safety: plain values that refer to a message.
// Invariants: a name that the schema lacks is a slip of ours and ends the process.

#pragma once

#include <google/protobuf/message.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "server/config_values.h"
#include "transport/base/check.h"
#include "transport/base/ip_address.h"
#include "transport/base/options.h"
#include "transport/base/proxy.h"
#include "transport/base/tls_profile.h"

namespace spillway {

inline std::string_view Label(TlsVersion version) {
  return version == TlsVersion::kTls12 ? "1.2" : "1.3";
}

inline std::string_view Label(ProxyRule::Kind mode) {
  static constexpr std::array<std::string_view, 3> kLabels = {"direct", "servers", "environment"};
  return kLabels.at(static_cast<std::size_t>(mode));
}

inline std::string_view Label(Decompression decompression) {
  static constexpr std::array<std::string_view, 3> kLabels = {"policy", "auto", "pass_through"};
  return kLabels.at(static_cast<std::size_t>(decompression));
}

// The field called `name`; a name that the schema lacks is a slip of ours.
inline const google::protobuf::FieldDescriptor& FieldOf(const google::protobuf::Message& message,
                                                        const char* name) {
  const auto* field = message.GetDescriptor()->FindFieldByName(name);
  SPILLWAY_CHECK(field != nullptr);
  return *field;
}

// Message to struct: a field that is not set leaves the member alone.
class ConfigReader {
 public:
  explicit ConfigReader(const google::protobuf::Message& message) : message_(message) {}

  void operator()(const char* name, std::uint32_t& member) const {
    if (const auto* field = Set(name)) member = Reflect().GetUInt32(message_, field);
  }
  void operator()(const char* name, std::uint64_t& member) const {
    if (const auto* field = Set(name)) member = Reflect().GetUInt64(message_, field);
  }
  void operator()(const char* name, double& member) const {
    if (const auto* field = Set(name)) member = Reflect().GetDouble(message_, field);
  }
  void operator()(const char* name, bool& member) const {
    if (const auto* field = Set(name)) member = Reflect().GetBool(message_, field);
  }
  void operator()(const char* name, std::string& member) const {
    if (const auto* field = Set(name)) member = Reflect().GetString(message_, field);
  }
  // A list that the file has replaces the member's.
  void operator()(const char* name, std::vector<std::string>& member) const {
    const google::protobuf::FieldDescriptor& field = FieldOf(message_, name);
    const int size = Reflect().FieldSize(message_, &field);
    if (size > 0) member.clear();
    for (int i = 0; i < size; ++i) {
      member.push_back(Reflect().GetRepeatedString(message_, &field, i));
    }
  }
  void operator()(const char* name, std::vector<std::uint32_t>& member) const {
    const google::protobuf::FieldDescriptor& field = FieldOf(message_, name);
    const int size = Reflect().FieldSize(message_, &field);
    if (size > 0) member.clear();
    for (int i = 0; i < size; ++i) {
      member.push_back(Reflect().GetRepeatedUInt32(message_, &field, i));
    }
  }
  template <typename T>
  void operator()(const char* name, std::optional<T>& member) const {
    if (Set(name) == nullptr) return;
    member.emplace();
    (*this)(name, *member);
  }
  // An enumeration with a Label for each of its values.
  template <typename Enum>
  requires std::is_enum_v<Enum>
  void operator()(const char* name, Enum& member) const {
    std::string text;
    (*this)(name, text);
    if (text.empty()) return;
    std::uint8_t value = 0;
    while (Label(static_cast<Enum>(value)) != text) ++value;  // the schema allows no other
    member = static_cast<Enum>(value);
  }
  void operator()(const char* name, IpAddress& member) const {
    std::string text;
    (*this)(name, text);
    if (const auto address = IpAddress::Parse(text)) member = *address;
  }
  void operator()(const char* name, std::vector<IpAddress>& member) const {
    std::vector<std::string> texts;
    (*this)(name, texts);
    if (!texts.empty()) member.clear();
    for (const std::string& text : texts) member.push_back(*IpAddress::Parse(text));
  }
  void operator()(const char* name, Duration& member) const {
    std::string text;
    (*this)(name, text);
    if (text.empty()) return;
    const std::optional<Duration> value = ParseDuration(text);
    SPILLWAY_CHECK(value.has_value());
    member = *value;
  }

 private:
  const google::protobuf::Reflection& Reflect() const { return *message_.GetReflection(); }
  const google::protobuf::FieldDescriptor* Set(const char* name) const {
    const google::protobuf::FieldDescriptor& field = FieldOf(message_, name);
    return Reflect().HasField(message_, &field) ? &field : nullptr;
  }

  const google::protobuf::Message& message_;
};

// Struct to message: every member is written.
class ConfigWriter {
 public:
  explicit ConfigWriter(google::protobuf::Message& message) : message_(message) {}

  void operator()(const char* name, std::uint32_t member) const {
    Reflect().SetUInt32(&message_, &FieldOf(message_, name), member);
  }
  void operator()(const char* name, std::uint64_t member) const {
    Reflect().SetUInt64(&message_, &FieldOf(message_, name), member);
  }
  void operator()(const char* name, double member) const {
    Reflect().SetDouble(&message_, &FieldOf(message_, name), member);
  }
  void operator()(const char* name, bool member) const {
    Reflect().SetBool(&message_, &FieldOf(message_, name), member);
  }
  void operator()(const char* name, const std::string& member) const {
    if (!member.empty()) Reflect().SetString(&message_, &FieldOf(message_, name), member);
  }
  // Texts and lists that are empty are not written: the file has no notation for them.
  void operator()(const char* name, const std::vector<std::string>& member) const {
    for (const std::string& text : member) {
      Reflect().AddString(&message_, &FieldOf(message_, name), text);
    }
  }
  void operator()(const char* name, const std::vector<std::uint32_t>& member) const {
    for (const std::uint32_t value : member) {
      Reflect().AddUInt32(&message_, &FieldOf(message_, name), value);
    }
  }
  template <typename T>
  void operator()(const char* name, const std::optional<T>& member) const {
    if (member.has_value()) (*this)(name, *member);
  }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  void operator()(const char* name, Enum member) const {
    (*this)(name, std::string(Label(member)));
  }
  void operator()(const char* name, const IpAddress& member) const { (*this)(name, member.Text()); }
  void operator()(const char* name, const std::vector<IpAddress>& member) const {
    for (const IpAddress& address : member) {
      Reflect().AddString(&message_, &FieldOf(message_, name), address.Text());
    }
  }
  void operator()(const char* name, Duration member) const {
    (*this)(name, FormatDuration(member));
  }

 private:
  const google::protobuf::Reflection& Reflect() const { return *message_.GetReflection(); }

  google::protobuf::Message& message_;
};

}  // namespace spillway
