#include "tests/config/config_reference.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <google/protobuf/descriptor.pb.h>

#include "spillway/config/v1/config.pb.h"

namespace spillway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::SourceLocation;

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "config reference: %s\n", why.c_str());
  std::abort();
}

template <typename D>
std::string CommentOf(const D& descriptor) {
  SourceLocation location;
  if (!descriptor.GetSourceLocation(&location) || location.leading_comments.empty()) {
    Die(descriptor.full_name() + " has no comment");
  }
  std::string text;
  for (const char c : location.leading_comments) {
    if (c != '\n') {
      text += c;
    } else if (!text.empty() && text.back() != ' ') {
      text += ' ';
    }
  }
  // Each line of a comment begins with a blank.
  std::string joined;
  for (const char c : text) {
    if (c == ' ' && (joined.empty() || joined.back() == ' ')) continue;
    joined += c;
  }
  while (joined.ends_with(' ')) joined.pop_back();
  return joined;
}

// The part of `text` between `begin` and `end`, both sought from the back.
std::string Between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.rfind(begin);
  if (from == std::string::npos) return "";
  const std::size_t start = from + begin.size();
  const std::size_t stop = text.find(end, start);
  return text.substr(start, stop == std::string::npos ? stop : stop - start);
}

ReferenceEntry EntryOf(const FieldDescriptor& imported, const FieldDescriptor* generated) {
  if (generated == nullptr) Die(imported.full_name() + " is not in the generated schema");
  ReferenceEntry entry;
  entry.key = imported.name();
  entry.comment = CommentOf(imported);
  entry.required = entry.comment.find(" Required. Bounds: ") != std::string::npos;
  entry.default_value = Between(entry.comment, " Default: ", ". Bounds: ");
  entry.bounds = Between(entry.comment, " Bounds: ", "\n");
  if (entry.bounds.ends_with('.')) entry.bounds.pop_back();
  const std::size_t prose =
      std::min(entry.comment.rfind(" Default: "), entry.comment.rfind(" Required. Bounds: "));
  entry.meaning = entry.comment.substr(0, prose);
  entry.field = generated;
  return entry;
}

void Visit(const Descriptor& imported, const Descriptor& generated, const std::string& path,
           std::vector<ReferenceSection>& sections) {
  const auto known = std::find_if(sections.begin(), sections.end(), [&](const auto& section) {
    return section.type == imported.name();
  });
  const bool seen = known != sections.end();
  if (seen) {
    known->paths.push_back(path);
  } else {
    sections.push_back({imported.name(), CommentOf(imported), {path}, {}});
  }
  const std::size_t index =
      seen ? static_cast<std::size_t>(known - sections.begin()) : sections.size() - 1;
  for (int i = 0; i < imported.field_count(); ++i) {
    const FieldDescriptor& field = *imported.field(i);
    const FieldDescriptor* twin = generated.FindFieldByName(field.name());
    const bool message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    // A list of mappings is a key with rules of its own, too.
    if (!seen && (!message || EntryOf(field, twin).required)) {
      sections[index].entries.push_back(EntryOf(field, twin));
    }
    if (message) {
      const std::string below =
          (path.empty() ? "" : path + ".") + field.name() + (field.is_repeated() ? "[]" : "");
      Visit(*field.message_type(), *twin->message_type(), below, sections);
    }
  }
}

std::string Cell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

}  // namespace

std::vector<ReferenceSection> ReadReference(const std::string& descriptor_file) {
  std::ifstream file(descriptor_file, std::ios::binary);
  google::protobuf::FileDescriptorSet set;
  if (!set.ParseFromIstream(&file)) Die("cannot read " + descriptor_file);
  google::protobuf::DescriptorPool pool;
  for (const auto& proto : set.file()) {
    if (pool.BuildFile(proto) == nullptr) Die("cannot build " + proto.name());
  }
  const Descriptor* root = pool.FindMessageTypeByName("spillway.config.v1.Config");
  if (root == nullptr) Die("no Config in " + descriptor_file);
  std::vector<ReferenceSection> sections;
  Visit(*root, *config::v1::Config::descriptor(), "", sections);
  // `pool` ends here; entries point to descriptors of the generated code only.
  return sections;
}

std::string ReferenceMarkdown(const std::vector<ReferenceSection>& sections) {
  std::string text;
  for (const ReferenceSection& section : sections) {
    if (section.entries.empty()) continue;
    text += "\n### ";
    for (std::size_t i = 0; i < section.paths.size(); ++i) {
      text += section.paths[i].empty() ? std::string("Top level")
                                       : (i == 0 ? "`" : ", `") + section.paths[i] + "`";
    }
    text += "\n\n" + section.meaning + "\n\n";
    text += "| key | default | bounds | meaning |\n| --- | --- | --- | --- |\n";
    for (const ReferenceEntry& entry : section.entries) {
      text += "| `" + entry.key + "` | " +
              (entry.required ? "required" : Cell(entry.default_value)) + " | " +
              Cell(entry.bounds) + " | " + Cell(entry.meaning) + " |\n";
    }
  }
  return text + "\n";
}

}  // namespace spillway
