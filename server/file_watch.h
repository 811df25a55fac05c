// When the files behind a configuration have changed so that it is worth reading them again.
//
// What it is: FileWatch is the decision, a pure machine: contents (as digests) go in at a regular
// beat, "load now" comes out. FileProbe is the eye: it tells the digests of files, and reads only
// those whose stat has changed. Contents decide, never names or times, so a symlink that is turned
// over (as Kubernetes does), a rename and a rewrite in place are all the same (X-029, KG14 to
// KG16). Thread safety: none; one thread. Invariants: the same contents never lead to two loads; a
// change is left alone until it has stood still for kFileSettleTime, so that half of a file or half
// of a pair is not taken for the whole, but at most kFileMaxUnsettled.

#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/config_inputs.h"
#include "transport/base/instant.h"

namespace spillway {

inline constexpr Duration kFilePollInterval = std::chrono::seconds(1);  // KG15: not more often
inline constexpr Duration kFileSettleTime = std::chrono::milliseconds(900);
inline constexpr Duration kFileMaxUnsettled = std::chrono::seconds(10);

class FileWatch {
 public:
  // A load, good or bad, has just seen `files`; these are watched from now on.
  void OnLoad(FileDigests files);

  // The contents of paths() at `now`. True: load now, and say so with OnLoad.
  bool OnContents(const FileDigests& contents, Instant now);

  std::vector<std::string> paths() const;

 private:
  FileDigests seen_;  // by the last load
  FileDigests pending_;
  std::optional<Instant> changing_since_;  // pending_ is not seen_
  Instant pending_since_{};
};

class FileProbe {
 public:
  explicit FileProbe(const ConfigInputs& inputs) : inputs_(inputs) {}

  // Of each path what ContentDigest gives, "" for a file that cannot be read.
  FileDigests Digests(const std::vector<std::string>& paths);

 private:
  struct Seen {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec modified{};
    timespec changed{};
    bool certain = false;  // the file had been at rest when it was read
    std::string digest;
  };

  std::string DigestOf(const std::string& path);

  const ConfigInputs& inputs_;
  std::map<std::string, Seen> seen_;
};

}  // namespace spillway
