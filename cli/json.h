// Messages as JSON for programs.
//
// What it is: names are those of the .proto files. Lengths of time are numbers of seconds, points
// in time Unix time in seconds, 64-bit numbers are numbers, enum values are their words in lower
// case without the prefix ("not_sent"), bytes are text when they are UTF-8 and {"base64": "..."}
// when not. Fields that are messages are left out when unset; all others are always there.
// Thread safety: pure functions.

#pragma once

#include <google/protobuf/message.h>

#include <string>

#include <nlohmann/json.hpp>

namespace spillway::cli {

using Json = nlohmann::ordered_json;

Json JsonOf(const google::protobuf::Message& message);

// "not_sent" for DELIVERY_NOT_SENT, "" for the member 0, the number for one that this version does
// not know.
std::string EnumLabel(const google::protobuf::EnumDescriptor& type, int number);

template <typename Enum>
std::string LabelOf(Enum value) {
  return EnumLabel(*google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value));
}

// On one line, without a line end.
std::string Compact(const Json& json);
// Indented, with a line end.
std::string Pretty(const Json& json);

}  // namespace spillway::cli
