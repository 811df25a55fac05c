#include "server/config_schema.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "server/config_kinds.h"
#include "server/config_values.h"
#include "spillway/config/v1/config.pb.h"
#include "transport/base/check.h"

namespace spillway {
namespace {

using config::v1::FieldRule;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::size_t kMaxNameBytes = 64;

// Number of single-byte changes that turn `a` into `b`; for finding a misspelt key.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
    }
  }
  return row[b.size()];
}

std::string UnknownKeyText(const Descriptor& type, const std::string& key) {
  if (type.IsReservedName(key)) return "not supported by this version";
  std::string nearest;
  std::size_t nearest_distance = 3;  // further away it is another word
  for (int i = 0; key.size() <= kMaxNameBytes && i < type.field_count(); ++i) {
    const std::string& name = type.field(i)->name();
    const std::size_t distance = EditDistance(key, name);
    if (distance < nearest_distance) {
      nearest_distance = distance;
      nearest = name;
    }
  }
  return nearest.empty() ? "unknown key" : "unknown key; did you mean " + nearest + "?";
}

class Filler {
 public:
  Filler(KeyPlaces& places, std::vector<ConfigProblem>& problems)
      : places_(places), problems_(problems) {}

  // Depth is that of the schema, which has no cycles.
  void Fill(const YamlNode& node, Message& message, const std::string& path) {
    if (node.kind != YamlNode::Kind::kMap) {
      Add(node.mark, path, "must be a mapping of keys to values");
      return;
    }
    const Descriptor& type = *message.GetDescriptor();
    for (const YamlEntry& entry : node.entries) {
      const std::string key_path = Below(path, EscapeForError(entry.key, kMaxNameBytes));
      places_.Add(key_path, entry.mark);
      const FieldDescriptor* field = type.FindFieldByName(entry.key);
      if (field == nullptr) {
        Add(entry.mark, key_path, UnknownKeyText(type, entry.key));
      } else {
        FillField(entry.value, message, *field, key_path);
      }
    }
    CheckRequired(node, type, path);
  }

 private:
  static std::string Below(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
  }

  void Add(YamlMark mark, const std::string& path, std::string message) {
    if (problems_.size() >= kMaxConfigProblems) return;
    problems_.push_back({mark.line, mark.column, path, std::move(message)});
  }

  void CheckRequired(const YamlNode& node, const Descriptor& type, const std::string& path) {
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (!RuleOf(field).required()) continue;
      const bool present =
          std::any_of(node.entries.begin(), node.entries.end(),
                      [&field](const YamlEntry& entry) { return entry.key == field.name(); });
      if (!present) Add(node.mark, Below(path, field.name()), "required, but missing");
    }
  }

  void FillField(const YamlNode& node, Message& message, const FieldDescriptor& field,
                 const std::string& path) {
    if (field.is_repeated()) {
      FillList(node, message, field, path);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Fill(node, *message.GetReflection()->MutableMessage(&message, &field), path);
    } else {
      FillScalar(node, message, field, path);
    }
  }

  void FillList(const YamlNode& node, Message& message, const FieldDescriptor& field,
                const std::string& path) {
    if (node.kind != YamlNode::Kind::kList) {
      Add(node.mark, path, "must be a list");
      return;
    }
    if (node.items.size() > RuleOf(field).max_items()) {
      Add(node.mark, path,
          "must have at most " + std::to_string(RuleOf(field).max_items()) + " entries");
      return;
    }
    const bool messages = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    // Of values (addresses, ports), none at all cannot be told from leaving the key out.
    if (node.items.empty() && (!messages || RuleOf(field).required())) {
      Add(node.mark, path, "must have at least one entry");
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const std::string item_path = path + "[" + std::to_string(i) + "]";
      places_.Add(item_path, node.items[i].mark);
      if (messages) {
        Fill(node.items[i], *message.GetReflection()->AddMessage(&message, &field), item_path);
      } else {
        FillScalar(node.items[i], message, field, item_path);
      }
    }
  }

  void FillScalar(const YamlNode& node, Message& message, const FieldDescriptor& field,
                  const std::string& path) {
    const std::string problem = Store(node, message, field);
    if (!problem.empty()) Add(node.mark, path, problem);
  }

  // Sets or adds the value. Returns what is wrong with it, "" when nothing is.
  static std::string Store(const YamlNode& node, Message& message, const FieldDescriptor& field) {
    if (node.kind == YamlNode::Kind::kNull) return "has no value";
    if (node.kind == YamlNode::Kind::kList || node.kind == YamlNode::Kind::kMap) {
      return "must be a single value";
    }
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return StoreText(node, message, field);
      case FieldDescriptor::CPPTYPE_BOOL:
        return StoreBool(node, message, field);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return StoreDouble(node, message, field);
      default:
        return StoreWhole(node, message, field);
    }
  }

  static std::string StoreText(const YamlNode& node, Message& message,
                               const FieldDescriptor& field) {
    std::string value = node.text;
    std::string problem = CanonicalText(RuleOf(field), value);
    if (!problem.empty()) return problem;
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      reflection.AddString(&message, &field, std::move(value));
    } else {
      reflection.SetString(&message, &field, std::move(value));
    }
    return "";
  }

  static std::string StoreBool(const YamlNode& node, Message& message,
                               const FieldDescriptor& field) {
    const bool yes = node.text == "true";
    if (node.kind != YamlNode::Kind::kPlain || (!yes && node.text != "false")) {
      return "must be true or false";
    }
    message.GetReflection()->SetBool(&message, &field, yes);
    return "";
  }

  static std::string StoreDouble(const YamlNode& node, Message& message,
                                 const FieldDescriptor& field) {
    const FieldRule& rule = RuleOf(field);
    const std::optional<double> value = ParseDecimal(node.text);
    if (node.kind != YamlNode::Kind::kPlain || !value.has_value() ||
        *value < *ParseDecimal(rule.min()) || *value > *ParseDecimal(rule.max())) {
      return "must be a number from " + BoundsText(field);
    }
    message.GetReflection()->SetDouble(&message, &field, *value);
    return "";
  }

  static std::string StoreWhole(const YamlNode& node, Message& message,
                                const FieldDescriptor& field) {
    const FieldRule& rule = RuleOf(field);
    const bool bytes = rule.kind() == config::v1::VALUE_KIND_BYTES;
    const auto parse = [bytes](std::string_view text) {
      return bytes ? ParseBytes(text) : ParseWhole(text);
    };
    const std::optional<std::uint64_t> value = parse(node.text);
    if ((node.kind != YamlNode::Kind::kPlain && !bytes) || !value.has_value() ||
        *value < *parse(rule.min()) || *value > *parse(rule.max())) {
      return (bytes ? "must be a number of bytes from " : "must be a whole number from ") +
             BoundsText(field);
    }
    const Reflection& reflection = *message.GetReflection();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
      reflection.SetUInt64(&message, &field, *value);
      return "";
    }
    SPILLWAY_CHECK(field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32);
    const auto narrow = static_cast<std::uint32_t>(*value);  // within the rule, so it fits
    if (field.is_repeated()) {
      reflection.AddUInt32(&message, &field, narrow);
    } else {
      reflection.SetUInt32(&message, &field, narrow);
    }
    return "";
  }

  KeyPlaces& places_;
  std::vector<ConfigProblem>& problems_;
};

}  // namespace

YamlMark KeyPlaces::Find(std::string_view path) const {
  while (true) {
    const auto found = marks_.find(path);
    if (found != marks_.end()) return found->second;
    const std::size_t cut = path.find_last_of(".[");
    if (cut == std::string_view::npos) return {};
    path = path.substr(0, cut);
  }
}

void FillMessage(const YamlNode& root, Message& message, KeyPlaces& places,
                 std::vector<ConfigProblem>& problems) {
  Filler(places, problems).Fill(root, message, "");
}

const FieldRule& RuleOf(const FieldDescriptor& field) {
  return field.options().GetExtension(config::v1::rule);
}

std::string BoundsText(const FieldDescriptor& field) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) return "true or false";
  return TextBounds(RuleOf(field));
}

}  // namespace spillway
