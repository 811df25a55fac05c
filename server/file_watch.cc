#include "server/file_watch.h"

#include <ctime>
#include <utility>

namespace spillway {
namespace {

// A change within one tick of the file system's clock leaves no trace in a file's times.
constexpr std::int64_t kRestSeconds = 2;

bool Equal(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

void FileWatch::OnLoad(FileDigests files) {
  seen_ = std::move(files);
  changing_since_.reset();
}

bool FileWatch::OnContents(const FileDigests& contents, Instant now) {
  if (contents == seen_) {
    changing_since_.reset();
    return false;
  }
  if (!changing_since_.has_value()) changing_since_ = now;
  if (pending_since_ < *changing_since_ || contents != pending_) {
    pending_ = contents;
    pending_since_ = now;
  }
  return now - pending_since_ >= kFileSettleTime || now - *changing_since_ >= kFileMaxUnsettled;
}

std::vector<std::string> FileWatch::paths() const {
  std::vector<std::string> paths;
  paths.reserve(seen_.size());
  for (const auto& [path, digest] : seen_) paths.push_back(path);
  return paths;
}

FileDigests FileProbe::Digests(const std::vector<std::string>& paths) {
  FileDigests digests;
  for (const std::string& path : paths) digests[path] = DigestOf(path);
  std::erase_if(seen_, [&](const auto& entry) { return !digests.contains(entry.first); });
  return digests;
}

std::string FileProbe::DigestOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    seen_.erase(path);
    return "";
  }
  Seen& seen = seen_[path];
  const bool same = seen.certain && seen.device == info.st_dev && seen.inode == info.st_ino &&
                    seen.size == info.st_size && Equal(seen.modified, info.st_mtim) &&
                    Equal(seen.changed, info.st_ctim);
  if (same) return seen.digest;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::string text;
  const std::string problem = inputs_.read_file(path, text);
  seen = {info.st_dev,
          info.st_ino,
          info.st_size,
          info.st_mtim,
          info.st_ctim,
          now.tv_sec - info.st_ctim.tv_sec >= kRestSeconds,
          ""};
  if (problem.empty()) seen.digest = ContentDigest(text);
  return seen.digest;
}

}  // namespace spillway
