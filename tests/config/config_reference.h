// The reference of the configuration file, made from the schema's own comments and rules.
//
// What it is: reads the compiled schema with its comments and gives one entry per value, and the
// Markdown that stands in docs/configuration.md.

#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace spillway {

// One key that holds a value or a list of values.
struct ReferenceEntry {
  std::string key;            // "max_connections"
  std::string meaning;        // the comment's prose on one line
  std::string default_value;  // "1024"; empty when required
  bool required = false;
  std::string bounds;                                        // "1 to 1000000"
  std::string comment;                                       // the whole comment on one line
  const google::protobuf::FieldDescriptor* field = nullptr;  // of the generated schema
};

// One mapping of the file.
struct ReferenceSection {
  std::string type;                // "Pool"
  std::string meaning;             // the message's comment
  std::vector<std::string> paths;  // where it may stand: "defaults.pool", "destinations[].pool"
  std::vector<ReferenceEntry> entries;
};

// What //proto/spillway/config/v1:config_descriptor makes, seen from a test's folder.
inline constexpr char kConfigDescriptor[] = "proto/spillway/config/v1/config_descriptor.binpb";

// In the order of the schema. Aborts the process when `descriptor_file` cannot be read: this is for
// tests and tools of the build.
std::vector<ReferenceSection> ReadReference(const std::string& descriptor_file);

// The sections as Markdown.
std::string ReferenceMarkdown(const std::vector<ReferenceSection>& sections);

// Stand before and after the generated part of docs/configuration.md.
inline constexpr char kReferenceBegin[] = "<!-- reference: begin -->\n";
inline constexpr char kReferenceEnd[] = "<!-- reference: end -->\n";

}  // namespace spillway
