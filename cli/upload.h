// Bytes of a file or of standard input, read as they come.
//
// What it owns: the file's descriptor, and one that interrupts a read.
// Thread safety: Read from one thread, Stop from any.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace spillway::cli {

class Upload {
 public:
  Upload() = default;
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  // `path`, or standard input for "-". Returns what is wrong, "" when nothing is.
  std::string Open(const std::string& path);
  // Of a regular file.
  std::optional<std::uint64_t> size() const { return size_; }

  enum class Result : std::uint8_t { kData, kEnd, kStopped, kFailed };
  // Waits for at least one byte; at most kPieceBytes.
  Result Read(std::string& piece);
  // Ends the read under way and all that follow.
  void Stop();

  static constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

 private:
  int file_ = -1;
  int stop_ = -1;  // an eventfd
  std::optional<std::uint64_t> size_;
};

}  // namespace spillway::cli
