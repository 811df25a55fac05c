#include "server/config_print.h"

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>

#include "server/config_schema.h"
#include "server/config_values.h"

namespace spillway {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr char kMasked[] = "(masked)";

// The text of field `field`, or of its entry `index`.
std::string ScalarText(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  const bool list = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return list ? reflection.GetRepeatedString(message, &field, index)
                  : reflection.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return FormatDecimal(reflection.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64: {
      const std::uint64_t value = reflection.GetUInt64(message, &field);
      return RuleOf(field).kind() == config::v1::VALUE_KIND_BYTES ? FormatBytes(value)
                                                                  : std::to_string(value);
    }
    default: {
      const std::uint32_t value = list ? reflection.GetRepeatedUInt32(message, &field, index)
                                       : reflection.GetUInt32(message, &field);
      return RuleOf(field).kind() == config::v1::VALUE_KIND_BYTES ? FormatBytes(value)
                                                                  : std::to_string(value);
    }
  }
}

void EmitScalar(YAML::Emitter& out, const Message& message, const FieldDescriptor& field,
                int index) {
  const config::v1::ValueKind kind = RuleOf(field).kind();
  // Most texts could look like a number or like null; these cannot.
  const bool plain = kind == config::v1::VALUE_KIND_DURATION ||
                     kind == config::v1::VALUE_KIND_CHOICE || kind == config::v1::VALUE_KIND_SCHEME;
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING && !plain) out << YAML::DoubleQuoted;
  if (RuleOf(field).secret()) {
    out << kMasked;
  } else {
    out << ScalarText(message, field, index);
  }
}

// Depth is that of the schema, which has no cycles.
void EmitMessage(YAML::Emitter& out, const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  out << YAML::BeginMap;
  for (const FieldDescriptor* field : fields) {
    out << YAML::Key << field->name() << YAML::Value;
    const bool messages = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!field->is_repeated()) {
      if (messages) {
        EmitMessage(out, reflection.GetMessage(message, field));
      } else {
        EmitScalar(out, message, *field, 0);
      }
      continue;
    }
    if (!messages) out << YAML::Flow;
    out << YAML::BeginSeq;
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (messages) {
        EmitMessage(out, reflection.GetRepeatedMessage(message, field, i));
      } else {
        EmitScalar(out, message, *field, i);
      }
    }
    out << YAML::EndSeq;
  }
  out << YAML::EndMap;
}

}  // namespace

std::string PrintYaml(const Message& message) {
  YAML::Emitter out;
  EmitMessage(out, message);
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace spillway
