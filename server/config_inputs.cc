#include "server/config_inputs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "transport/tls_profiles.h"

namespace spillway {
namespace {

// Owns a descriptor for the length of a scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

// Reads a little more than is allowed at most, so that a file that never ends does no harm.
std::string ReadFile(const std::string& path, std::string& text) {
  const auto failed = [](int error) {
    return "cannot be read: " + std::generic_category().message(error);
  };
  // A pipe without a writer would hold up whoever opens it.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return failed(errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return failed(errno);
  if (S_ISDIR(info.st_mode)) return failed(EISDIR);
  std::string block(std::size_t{64} * 1024, '\0');
  while (text.size() <= kMaxInputBytes) {
    const ssize_t count = ::read(file.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(errno);
    if (count == 0) return "";
    text.append(block, 0, static_cast<std::size_t>(count));
  }
  return "is larger than " + std::to_string(kMaxInputBytes) + " bytes";
}

std::optional<std::string> Variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

}  // namespace

const ConfigInputs& SystemInputs() {
  static const ConfigInputs inputs{ReadFile, Variable};
  return inputs;
}

std::string ContentDigest(std::string_view content) { return Sha256Hex(content); }

std::string ResolvePath(std::string_view folder, const std::string& path) {
  if (path.starts_with('/') || folder.empty()) return path;
  return std::string(folder) + "/" + path;
}

}  // namespace spillway
