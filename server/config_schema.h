// A YAML tree held to the schema: every key known, every value of its type and within its bounds.
//
// What it is: fills a message of proto/spillway/config/v1/config.proto by reflection. What a value
// must look like stands beside its field (FieldRule), so there is no second list of keys here.
// Thread safety: pure functions.
// Invariants: a field that FillMessage set holds a value within its rule, in canonical notation
// (FormatDuration); problems name keys, never values.

#pragma once

#include <google/protobuf/message.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.h"
#include "server/yaml_reader.h"
#include "spillway/config/v1/field_rule.pb.h"

namespace spillway {

// Where each key of the file stands, for problems that only show once the tree is filled.
class KeyPlaces {
 public:
  void Add(std::string path, YamlMark mark) { marks_.emplace(std::move(path), mark); }
  // That of `path`, or of the nearest key above it that the file has.
  YamlMark Find(std::string_view path) const;

 private:
  std::map<std::string, YamlMark, std::less<>> marks_;
};

// Sets what `root` has. Appends to `problems`, at most kMaxConfigProblems in all.
void FillMessage(const YamlNode& root, google::protobuf::Message& message, KeyPlaces& places,
                 std::vector<ConfigProblem>& problems);

// The rule of a field of the schema.
const config::v1::FieldRule& RuleOf(const google::protobuf::FieldDescriptor& field);

// "1 to 65535", "1ms to 24h, or forever", "a host", ...: what RuleOf(field) allows, for people.
std::string BoundsText(const google::protobuf::FieldDescriptor& field);

}  // namespace spillway
