// What a configuration refers to beside its own text: files and environment variables.
//
// What it is: the door between the loader, which is pure but for this, and the system; tests put
// their own files behind it. InputLog keeps the digest of every file that was read, which is what
// server/file_watch.h compares later contents with.
// Thread safety: ConfigInputs as its functions; an InputLog is used by one thread.
// Invariants: a file that is larger than kMaxInputBytes is a problem, so reading always ends.

#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace spillway {

inline constexpr std::size_t kMaxInputBytes = std::size_t{1024} * 1024;

struct ConfigInputs {
  // Puts the content of `path` into `text`. Returns what went wrong, "" when nothing did.
  std::function<std::string(const std::string& path, std::string& text)> read_file;
  // nullopt: not set.
  std::function<std::optional<std::string>(const std::string& name)> variable;
};

// Those of this process.
const ConfigInputs& SystemInputs();

// Path to the digest of what was read there; "" for a file that could not be read.
using FileDigests = std::map<std::string, std::string>;

// Lower-case hex of SHA-256.
std::string ContentDigest(std::string_view content);

// `path` as the configuration file in `folder` means it.
std::string ResolvePath(std::string_view folder, const std::string& path);

}  // namespace spillway
