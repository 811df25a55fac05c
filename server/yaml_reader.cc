#include "server/yaml_reader.h"

#include <exception>
#include <istream>
#include <streambuf>
#include <unordered_set>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "server/utf8.h"
#include "transport/base/failure.h"

namespace spillway {
namespace {

YamlMark Place(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return YamlMark{static_cast<std::size_t>(mark.line) + 1,
                  static_cast<std::size_t>(mark.column) + 1};
}

// Thrown out of an event to make the parser stop; never leaves this file.
struct Stop {};

// Reads from memory that somebody else owns.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // a get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::vector<ConfigProblem>& problems) : problems_(problems) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    Add(Node(YamlNode::Kind::kNull, mark), Shape::kScalar);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Refuse(mark, "anchors and aliases are not supported");
    Add(Node(YamlNode::Kind::kNull, mark), Shape::kScalar);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    // yaml-cpp's own marks for plain and quoted text; anything else was written out.
    if (tag != "?" && tag != "!") Refuse(mark, "tags are not supported");
    YamlNode node = Node(tag == "?" ? YamlNode::Kind::kPlain : YamlNode::Kind::kQuoted, mark);
    node.text = value;
    Add(std::move(node), Shape::kScalar);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    OnContainerStart(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { OnContainerEnd(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    OnContainerStart(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { OnContainerEnd(); }

  std::optional<YamlNode> Take() { return std::move(root_); }

 private:
  enum class Shape : std::uint8_t { kScalar, kContainer };

  // A container that is still open.
  struct Open {
    YamlNode node;
    bool has_key = false;
    std::string key;
    YamlMark key_mark;
    std::unordered_set<std::string> keys;
  };

  YamlNode Node(YamlNode::Kind kind, const YAML::Mark& mark) {
    if (++node_count_ > kMaxYamlNodes) {
      Refuse(mark, "too many values");
      throw Stop();
    }
    YamlNode node;
    node.kind = kind;
    node.mark = Place(mark);
    return node;
  }

  void OnContainerStart(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
                        YAML::anchor_t anchor) {
    RefuseAnchor(mark, anchor);
    if (!tag.empty() && tag != "?") Refuse(mark, "tags are not supported");
    if (open_.size() >= kMaxYamlDepth) {
      Refuse(mark, "nested more than " + std::to_string(kMaxYamlDepth) + " levels deep");
      throw Stop();
    }
    open_.push_back(Open{Node(kind, mark), false, {}, {}, {}});
  }

  void OnContainerEnd() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    Add(std::move(node), Shape::kContainer);
  }

  // Puts a finished value where it belongs: a key, a key's value, an item, or the whole document.
  void Add(YamlNode node, Shape shape) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      AddKey(parent, std::move(node), shape);
    } else {
      // The parser places a missing value where the next thing begins.
      if (node.kind == YamlNode::Kind::kNull) node.mark = parent.key_mark;
      parent.node.entries.push_back(
          YamlEntry{std::move(parent.key), parent.key_mark, std::move(node)});
      parent.has_key = false;
    }
  }

  void AddKey(Open& parent, YamlNode node, Shape shape) {
    if (shape == Shape::kContainer || node.kind == YamlNode::Kind::kNull) {
      problems_.push_back({node.mark.line, node.mark.column, "", "a key must be text"});
    } else if (!parent.keys.insert(node.text).second) {
      problems_.push_back({node.mark.line, node.mark.column, EscapeForError(node.text, 64),
                           "this mapping has the key twice"});
    }
    parent.has_key = true;
    parent.key = std::move(node.text);
    parent.key_mark = node.mark;
    LimitProblems();
  }

  void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) Refuse(mark, "anchors and aliases are not supported");
  }

  void Refuse(const YAML::Mark& mark, std::string why) {
    const YamlMark place = Place(mark);
    problems_.push_back({place.line, place.column, "", std::move(why)});
    LimitProblems();
  }

  void LimitProblems() {
    if (problems_.size() >= kMaxConfigProblems) throw Stop();
  }

  std::vector<ConfigProblem>& problems_;
  std::vector<Open> open_;
  std::optional<YamlNode> root_;
  std::size_t node_count_ = 0;
};

// What yaml-cpp cannot be trusted to refuse. False when there is no point in parsing.
bool CheckBytes(std::string_view text, std::vector<ConfigProblem>& problems) {
  if (text.size() > kMaxConfigBytes) {
    problems.push_back({0, 0, "", "larger than " + std::to_string(kMaxConfigBytes) + " bytes"});
    return false;
  }
  if (text.starts_with("\xef\xbb\xbf")) {
    problems.push_back({1, 1, "", "begins with a byte order mark; save it as UTF-8 without one"});
    return false;
  }
  if (const std::optional<TextFault> fault = FindTextFault(text)) {
    problems.push_back({fault->line, fault->column, "", std::string(fault->what)});
    return false;
  }
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    problems.push_back({0, 0, "", "the file is empty; {} stands for all defaults"});
    return false;
  }
  // An editor or a copy that was cut off mid-line must not pass as a shorter file.
  if (!text.ends_with('\n')) {
    problems.push_back({0, 0, "", "the last line does not end; the file may be cut off"});
    return false;
  }
  return true;
}

}  // namespace

std::optional<YamlNode> ReadYaml(std::string_view text, std::vector<ConfigProblem>& problems) {
  if (!CheckBytes(text, problems)) return std::nullopt;
  TreeBuilder builder(problems);
  // The library reports syntax errors, and only those, by exception.
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      problems.push_back({0, 0, "", "the file is empty; {} stands for all defaults"});
      return std::nullopt;
    }
    std::optional<YamlNode> root = builder.Take();
    std::vector<ConfigProblem> ignored;
    TreeBuilder second(ignored);
    if (parser.HandleNextDocument(second)) {
      problems.push_back({0, 0, "", "more than one document"});
      return std::nullopt;
    }
    if (root.has_value() && root->kind == YamlNode::Kind::kNull) {
      problems.push_back({0, 0, "", "the file is empty; {} stands for all defaults"});
      return std::nullopt;
    }
    return root;
  } catch (const Stop&) {
    if (problems.empty()) problems.push_back({0, 0, "", "more than one document"});
  } catch (const YAML::Exception& error) {
    const YamlMark mark = Place(error.mark);
    // The library's messages are constants but for a few that quote a name of the file.
    problems.push_back(
        {mark.line, mark.column, "", "not valid YAML: " + EscapeForError(error.msg, 100)});
  } catch (const std::exception&) {
    problems.push_back({0, 0, "", "not valid YAML"});
  }
  return std::nullopt;
}

}  // namespace spillway
