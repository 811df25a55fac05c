#include "cli/json.h"

#include <cctype>

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "cli/text.h"

namespace spillway::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

Json JsonOfBytes(const std::string& bytes) {
  if (IsUtf8(bytes)) return bytes;
  return Json{{"base64", Base64(bytes)}};
}

Json JsonOfMessage(const Message& message) {
  if (message.GetDescriptor() == google::protobuf::Duration::descriptor()) {
    const auto& duration = static_cast<const google::protobuf::Duration&>(message);
    return static_cast<double>(DurationOf(duration).count()) / 1e9;
  }
  if (message.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
    return static_cast<const google::protobuf::Timestamp&>(message).seconds();
  }
  return JsonOf(message);
}

// The value of `field`, or of its entry `index` when it is a list.
Json JsonOfField(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& get = *message.GetReflection();
  const bool list = field.is_repeated();
  const FieldDescriptor* f = &field;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return JsonOfMessage(list ? get.GetRepeatedMessage(message, f, index)
                                : get.GetMessage(message, f));
    case FieldDescriptor::CPPTYPE_STRING:
      return JsonOfBytes(list ? get.GetRepeatedString(message, f, index)
                              : get.GetString(message, f));
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumLabel(*field.enum_type(), list ? get.GetRepeatedEnumValue(message, f, index)
                                                : get.GetEnumValue(message, f));
    case FieldDescriptor::CPPTYPE_BOOL:
      return list ? get.GetRepeatedBool(message, f, index) : get.GetBool(message, f);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return list ? get.GetRepeatedDouble(message, f, index) : get.GetDouble(message, f);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return list ? get.GetRepeatedFloat(message, f, index) : get.GetFloat(message, f);
    case FieldDescriptor::CPPTYPE_UINT32:
      return list ? get.GetRepeatedUInt32(message, f, index) : get.GetUInt32(message, f);
    case FieldDescriptor::CPPTYPE_UINT64:
      return list ? get.GetRepeatedUInt64(message, f, index) : get.GetUInt64(message, f);
    case FieldDescriptor::CPPTYPE_INT32:
      return list ? get.GetRepeatedInt32(message, f, index) : get.GetInt32(message, f);
    case FieldDescriptor::CPPTYPE_INT64:
      return list ? get.GetRepeatedInt64(message, f, index) : get.GetInt64(message, f);
  }
  return nullptr;
}

}  // namespace

Json JsonOf(const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  const Descriptor& type = *message.GetDescriptor();
  Json json = Json::object();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.is_repeated()) {
      Json list = Json::array();
      for (int j = 0; j < reflection.FieldSize(message, &field); ++j) {
        list.push_back(JsonOfField(message, field, j));
      }
      json[field.name()] = std::move(list);
    } else if (!field.has_presence() || reflection.HasField(message, &field)) {
      json[field.name()] = JsonOfField(message, field, 0);
    }
  }
  return json;
}

std::string EnumLabel(const EnumDescriptor& type, int number) {
  if (number == 0) return "";
  const auto* value = type.FindValueByNumber(number);
  if (value == nullptr) return std::to_string(number);
  // The member 0 is PREFIX_UNSPECIFIED.
  const std::string& zero = type.FindValueByNumber(0)->name();
  std::string label = value->name().substr(zero.size() - sizeof("UNSPECIFIED") + 1);
  for (char& c : label) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return label;
}

std::string Compact(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Pretty(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace spillway::cli
