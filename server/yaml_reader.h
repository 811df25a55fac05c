// A YAML text as a tree of values with their places, for a schema to check.
//
// What it is: yaml-cpp's events turned into a plain tree. Only what a configuration needs: one
// document of mappings, lists and scalars. Anchors, aliases, tags and keys that are not text are
// refused, so the tree is never larger than the text (no aliases that multiply).
// Thread safety: pure function. No exceptions leave it.
// Invariants of a tree that ReadYaml returned without problems: depth at most kMaxYamlDepth, at
// most kMaxYamlNodes nodes, no mapping has a key twice, all text is UTF-8 without NUL.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.h"

namespace spillway {

struct YamlMark {
  std::size_t line = 0;    // from 1
  std::size_t column = 0;  // from 1
};

struct YamlEntry;

struct YamlNode {
  enum class Kind : std::uint8_t { kNull, kPlain, kQuoted, kList, kMap } kind = Kind::kNull;
  YamlMark mark;
  std::string text;                // of a scalar
  std::vector<YamlNode> items;     // of a list
  std::vector<YamlEntry> entries;  // of a mapping, in order
};

struct YamlEntry {
  std::string key;
  YamlMark mark;
  YamlNode value;
};

inline constexpr std::size_t kMaxYamlDepth = 32;
inline constexpr std::size_t kMaxYamlNodes = 200'000;

// The document in `text`, which is at most kMaxConfigBytes. Appends what is wrong to `problems`;
// nullopt when there is no tree to go on with.
std::optional<YamlNode> ReadYaml(std::string_view text, std::vector<ConfigProblem>& problems);

}  // namespace spillway
