// The schema, our structs, the comments and docs/configuration.md all say the same.

#include "server/config_schema.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "server/config_binding.h"
#include "server/config_print.h"
#include "server/config_values.h"
#include "spillway/config/v1/config.pb.h"
#include "tests/config/config_reference.h"
#include "tests/config/profile_files.h"

namespace spillway {
namespace {

using config::v1::FieldRule;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A single value of the schema and the mappings that lead to it, as YAML before and after it.
struct Leaf {
  std::string path;
  std::string before;
  std::string after;
  const FieldDescriptor* field;
};

// Values that only make sense beside others have tests of their own (config_test, profile_test).
bool StandsAlone(const FieldDescriptor& field) {
  const Descriptor* type = field.message_type();
  return type != config::v1::Match::descriptor() && type != config::v1::TlsProfile::descriptor() &&
         type != config::v1::Proxy::descriptor() && type != config::v1::ProxyChoice::descriptor() &&
         type != config::v1::ListenTls::descriptor() && field.name() != "tls_profile";
}

void CollectLeaves(const Descriptor& type, const std::string& path, const std::string& before,
                   const std::string& after, std::vector<Leaf>& leaves) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (!StandsAlone(*field)) continue;
    std::string below = (path.empty() ? "" : path + ".") + field->name();
    const bool destination = &type == config::v1::Destination::descriptor();
    if (destination && field->name() == "name") continue;
    std::string key = before + (destination ? ", " : "{") + field->name() + ": ";
    std::string end = destination ? after : "}" + after;
    if (field->message_type() == config::v1::Destination::descriptor()) {
      // Each needs a name and a match.
      CollectLeaves(*field->message_type(), below + "[0]",
                    key + "[{name: d, matches: [{host: d.test}]", "}]" + end, leaves);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      CollectLeaves(*field->message_type(), below, key, end, leaves);
    } else {
      leaves.push_back({below, key, end, field});
    }
  }
}

std::vector<Leaf> Leaves() {
  std::vector<Leaf> leaves;
  CollectLeaves(*config::v1::Config::descriptor(), "", "", "\n", leaves);
  return leaves;
}

// Values at both ends of what is allowed.
std::vector<std::string> ExtremesOf(const FieldDescriptor& field) {
  const FieldRule& rule = RuleOf(field);
  if (rule.kind() == config::v1::VALUE_KIND_IP_ADDRESS) {
    if (field.is_repeated()) return {"[10.0.0.1]", "[10.0.0.1, ::1]"};
    return {"10.0.0.1", "::1"};
  }
  if (field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
    return {"[" + rule.min() + "]", "[" + rule.min() + ", " + rule.max() + "]"};
  }
  if (field.is_repeated()) return {"[127.0.0.1:7]", "[\"unix:/x\", 127.0.0.1:8]"};
  if (rule.kind() == config::v1::VALUE_KIND_HOST_NAME) return {"a", "alias.test"};
  if (rule.kind() == config::v1::VALUE_KIND_CHOICE) {
    return {rule.choices().begin(), rule.choices().end()};
  }
  if (rule.kind() == config::v1::VALUE_KIND_ADDRESS) return {"\"unix:/y\"", "127.0.0.1:0"};
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) return {"true", "false"};
  std::vector<std::string> values = {rule.min(), rule.max()};
  if (rule.forever()) values.push_back("forever");
  return values;
}

// The value of `path` in `message`, as it would be printed.
std::string ValueAt(const Message& message, const std::string& path) {
  const std::size_t dot = path.find('.');
  std::string name = path.substr(0, dot);
  const bool first_item = name.ends_with("[0]");
  if (first_item) name.resize(name.size() - 3);
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  const auto& reflection = *message.GetReflection();
  if (dot != std::string::npos) {
    return ValueAt(first_item ? reflection.GetRepeatedMessage(message, field, 0)
                              : reflection.GetMessage(message, field),
                   path.substr(dot + 1));
  }
  std::unique_ptr<Message> only(message.New());
  only->CopyFrom(message);
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* other : fields) {
    if (other != field) reflection.ClearField(only.get(), other);
  }
  const std::string text = PrintYaml(*only);
  const std::size_t colon = text.find(": ");
  return colon == std::string::npos ? "" : text.substr(colon + 2, text.size() - colon - 3);
}

std::string WithoutQuotes(std::string text) {
  std::erase(text, '"');
  return text;
}

TEST(ConfigSchema, EveryValueHasARuleThatCanBeRead) {
  for (const Leaf& leaf : Leaves()) {
    const FieldRule& rule = RuleOf(*leaf.field);
    EXPECT_TRUE(leaf.field->options().HasExtension(config::v1::rule)) << leaf.path;
    if (leaf.field->is_repeated()) {
      EXPECT_GT(rule.max_items(), 0U) << leaf.path;
    }
    if (leaf.field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      ASSERT_NE(rule.kind(), config::v1::VALUE_KIND_UNSPECIFIED) << leaf.path;
    }
    if (rule.kind() == config::v1::VALUE_KIND_DURATION) {
      ASSERT_TRUE(ParseDuration(rule.min()) && ParseDuration(rule.max())) << leaf.path;
      EXPECT_LT(*ParseDuration(rule.min()), *ParseDuration(rule.max())) << leaf.path;
    } else if (rule.kind() == config::v1::VALUE_KIND_BYTES) {
      ASSERT_TRUE(ParseBytes(rule.min()) && ParseBytes(rule.max())) << leaf.path;
      EXPECT_LT(*ParseBytes(rule.min()), *ParseBytes(rule.max())) << leaf.path;
    } else if (leaf.field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32 ||
               leaf.field->cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
      ASSERT_TRUE(ParseWhole(rule.min()) && ParseWhole(rule.max())) << leaf.path;
      EXPECT_LT(*ParseWhole(rule.min()), *ParseWhole(rule.max())) << leaf.path;
      EXPECT_LE(*ParseWhole(rule.max()), 4294967295U) << leaf.path;
    } else if (leaf.field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
      ASSERT_TRUE(ParseDecimal(rule.min()) && ParseDecimal(rule.max())) << leaf.path;
    }
  }
  EXPECT_GT(Leaves().size(), 110U);
}

TEST(ConfigSchema, EveryValueIsBoundInBothDirections) {
  for (const Leaf& leaf : Leaves()) {
    for (const std::string& value : ExtremesOf(*leaf.field)) {
      // The bounds of one can break the rule between the two.
      if (leaf.field->name() == "backoff_initial" && value == "1h") continue;
      if (leaf.field->name() == "backoff_max" && value == "1ms") continue;
      const std::string text = leaf.before + value + leaf.after;
      const ConfigResult config = ParseConfig(text, "t", 1);
      ASSERT_TRUE(config.has_value()) << text << config.error().Text();
      const config::v1::Config message = WriteConfigMessage(*config);
      EXPECT_EQ(WithoutQuotes(ValueAt(message, leaf.path)), WithoutQuotes(value)) << leaf.path;
      // Nothing else moved, but for destinations that inherit.
      config::v1::Config defaults = WriteConfigMessage(DefaultConfig());
      if (!leaf.path.starts_with("destinations")) {
        google::protobuf::util::MessageDifferencer differencer;
        std::string report;
        differencer.ReportDifferencesToString(&report);
        differencer.Compare(defaults, message);
        EXPECT_LE(std::count(report.begin(), report.end(), '\n'), 2) << leaf.path << report;
      }
    }
  }
}

TEST(ConfigSchema, ValuesBeyondTheBoundsAreRefusedEverywhere) {
  for (const Leaf& leaf : Leaves()) {
    const FieldRule& rule = RuleOf(*leaf.field);
    std::vector<std::string> values = {"x", "[]", "{}", "", "\"\"", "-1"};
    if (rule.kind() == config::v1::VALUE_KIND_DURATION) {
      values.push_back(FormatDuration(*ParseDuration(rule.max()) + Duration(1)));
      if (!rule.forever()) values.push_back("forever");
      if (rule.min() != "0s")
        values.push_back(FormatDuration(*ParseDuration(rule.min()) - Duration(1)));
    } else if (rule.kind() == config::v1::VALUE_KIND_BYTES) {
      values.push_back(FormatBytes(*ParseBytes(rule.max()) + 1));
      if (rule.min() != "0") values.push_back(FormatBytes(*ParseBytes(rule.min()) - 1));
    } else if (ParseWhole(rule.max())) {
      values.push_back(std::to_string(*ParseWhole(rule.max()) + 1));
      if (*ParseWhole(rule.min()) > 0) {
        values.push_back(std::to_string(*ParseWhole(rule.min()) - 1));
      }
    }
    for (const std::string& value : values) {
      if (value == "x" && rule.kind() == config::v1::VALUE_KIND_HOST_NAME) continue;
      const ConfigResult config = ParseConfig(leaf.before + value + leaf.after, "t", 1);
      ASSERT_FALSE(config.has_value()) << leaf.path << ": " << value;
      EXPECT_TRUE(config.error().problems[0].path.starts_with(leaf.path)) << config.error().Text();
    }
  }
}

class ConfigReference : public testing::Test {
 protected:
  const std::vector<ReferenceSection> sections_ = ReadReference(kConfigDescriptor);
};

TEST_F(ConfigReference, CommentsStateTheDefaultsInForce) {
  const config::v1::Config defaults = WriteConfigMessage(DefaultConfig());
  for (const ReferenceSection& section : sections_) {
    // Entries of lists are there only when the file has them.
    if (section.paths[0].find("[]") != std::string::npos) continue;
    // So is this (config_test has its default).
    if (section.paths[0] == "listen.tls") continue;
    for (const ReferenceEntry& entry : section.entries) {
      const std::string path = (section.paths[0].empty() ? "" : section.paths[0] + ".") + entry.key;
      const std::string value = WithoutQuotes(ValueAt(defaults, path));
      if (entry.key == "admin") {
        // Depends on who runs it; the comment names what root gets.
        EXPECT_TRUE(entry.default_value.starts_with("unix:/run/spillway/admin.sock,"));
        if (::geteuid() == 0) {
          EXPECT_EQ(value, "unix:/run/spillway/admin.sock");
        }
      } else {
        EXPECT_EQ(entry.default_value, value.empty() ? "none" : value) << path;
      }
    }
  }
}

TEST_F(ConfigReference, CommentsStateTheBoundsInForce) {
  for (const ReferenceSection& section : sections_) {
    for (const ReferenceEntry& entry : section.entries) {
      EXPECT_EQ(entry.required, RuleOf(*entry.field).required()) << entry.comment;
      EXPECT_EQ(entry.required, entry.default_value.empty()) << entry.comment;
      if (entry.field->is_repeated()) {
        const std::string count = "1 to " + std::to_string(RuleOf(*entry.field).max_items()) + " ";
        EXPECT_TRUE(entry.bounds.starts_with(count)) << entry.comment;
      } else {
        EXPECT_EQ(entry.bounds, BoundsText(*entry.field)) << entry.comment;
      }
      EXPECT_GT(entry.meaning.size(), 10U) << entry.comment;
    }
  }
}

TEST_F(ConfigReference, CoversEveryValueOfTheSchema) {
  std::set<const FieldDescriptor*> covered;
  for (const ReferenceSection& section : sections_) {
    for (const ReferenceEntry& entry : section.entries) covered.insert(entry.field);
  }
  for (const Leaf& leaf : Leaves()) EXPECT_TRUE(covered.contains(leaf.field)) << leaf.path;
}

TEST_F(ConfigReference, StandsInTheDocumentation) {
  std::ifstream file("docs/configuration.md", std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  const std::string document = text.str();
  const std::size_t begin = document.find(kReferenceBegin);
  const std::size_t end = document.find(kReferenceEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const std::size_t start = begin + sizeof kReferenceBegin - 1;
  EXPECT_EQ(document.substr(start, end - start), ReferenceMarkdown(sections_))
      << "put there what this prints: bazel run //tests/config:print_config_reference";
}

// Each YAML block of the documentation is a file that loads.
TEST(ConfigDocumentation, ExamplesLoad) {
  MemoryInputs files;
  files.files = {{"partner-ca.pem", Certificates().root.pem()},
                 {"client.pem", Certificates().one.pem()},
                 {"client.key", Certificates().one.key_pem()},
                 {"proxy-login", "user:password\n"}};
  std::ifstream file("docs/configuration.md");
  std::string line;
  std::string example;
  bool inside = false;
  int examples = 0;
  while (std::getline(file, line)) {
    if (inside && line == "```") {
      const ConfigResult config = ParseConfig(example, "example", 1, files.Inputs());
      EXPECT_TRUE(config.has_value()) << example << config.error().Text();
      ++examples;
      inside = false;
    } else if (inside) {
      example += line + "\n";
    } else if (line == "```yaml") {
      inside = true;
      example.clear();
    }
  }
  EXPECT_GE(examples, 3);
}

}  // namespace
}  // namespace spillway
