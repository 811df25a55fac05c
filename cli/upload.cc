#include "cli/upload.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "cli/text.h"

namespace spillway::cli {

Upload::~Upload() {
  if (file_ > STDIN_FILENO) ::close(file_);
  if (stop_ >= 0) ::close(stop_);
}

std::string Upload::Open(const std::string& path) {
  const auto failed = [&path] {
    return "cannot read " + OneLine(path) + ": " + std::generic_category().message(errno);
  };
  stop_ = ::eventfd(0, EFD_CLOEXEC);
  file_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat facts {};
  if (stop_ < 0 || file_ < 0 || ::fstat(file_, &facts) != 0) return failed();
  if (S_ISDIR(facts.st_mode)) {
    errno = EISDIR;
    return failed();
  }
  // Standard input may stand anywhere in its file.
  // What has no size may be empty, or a file that is made as it is read.
  if (S_ISREG(facts.st_mode) && facts.st_size > 0 && path != "-") {
    size_ = static_cast<std::uint64_t>(facts.st_size);
  }
  return "";
}

Upload::Result Upload::Read(std::string& piece) {
  std::array<pollfd, 2> waits = {{{stop_, POLLIN, 0}, {file_, POLLIN, 0}}};
  while (::poll(waits.data(), waits.size(), -1) < 0) {
    if (errno != EINTR) return Result::kFailed;
  }
  if (waits[0].revents != 0) return Result::kStopped;
  piece.resize(kPieceBytes);
  ssize_t count = 0;
  do {
    count = ::read(file_, piece.data(), piece.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) return Result::kFailed;
  piece.resize(static_cast<std::size_t>(count));
  return count == 0 ? Result::kEnd : Result::kData;
}

void Upload::Stop() {
  const std::uint64_t one = 1;
  // One that is full already interrupts.
  if (stop_ < 0 || ::write(stop_, &one, sizeof(one)) < 0) return;
}

}  // namespace spillway::cli
