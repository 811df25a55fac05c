#include "server/front_certificates.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "server/log.h"
#include "transport/tls_profiles.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxFileBytes = 1024 * 1024;
constexpr int kRefusalsBeforeAlarm = 2;

Failure Bad(std::string_view key, const std::string& file, std::string_view why) {
  return BadRequest("listen.tls." + std::string(key), file + ": " + std::string(why));
}

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

Result<std::string> ReadPem(std::string_view key, const std::string& file) {
  const auto failed = [&](int error) {
    return Bad(key, file, "cannot be read: " + std::generic_category().message(error));
  };
  if (file.empty()) return BadRequest("listen.tls." + std::string(key), "is missing");
  // A fifo without a writer must not hold up the start.
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) return failed(errno);
  struct stat info {};
  if (::fstat(descriptor.get(), &info) != 0) return failed(errno);
  if (!S_ISREG(info.st_mode)) return Bad(key, file, "is not a regular file");
  std::string text;
  std::string block(16 * 1024, '\0');
  while (true) {
    const ssize_t count = ::read(descriptor.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(errno);
    if (count == 0) return text;
    text.append(block, 0, static_cast<std::size_t>(count));
    if (text.size() > kMaxFileBytes) return Bad(key, file, "is larger than 1 MiB");
  }
}

// Holds the three to each other the way a TLS profile of ours is held to itself.
std::optional<Failure> Check(const FrontTlsFiles& files, FrontCertificate& certificate) {
  TlsProfile draft;
  draft.certificate_pem = certificate.certificate_pem;
  draft.key_pem = certificate.key_pem;
  draft.system_roots = false;
  const bool asks = !certificate.client_ca_pem.empty();
  draft.roots_pem = asks ? certificate.client_ca_pem : certificate.certificate_pem;
  const Result<TlsProfilePtr> sealed = SealTlsProfile(std::move(draft));
  if (!sealed.has_value()) {
    const Failure& failure = sealed.error();
    const std::string why = failure.message.substr(failure.field.size() + 2);
    if (failure.field == "key") {
      return Bad("key_file", files.key_file, why + " (of " + files.certificate_file + ")");
    }
    if (failure.field == "roots" && asks) return Bad("client_ca_file", files.client_ca_file, why);
    return Bad("certificate_file", files.certificate_file, why);
  }
  certificate.not_after = ClientCertificateFacts(**sealed).front().not_after;
  if (certificate.not_after < std::chrono::system_clock::now()) {
    return Bad("certificate_file", files.certificate_file, "the certificate has expired");
  }
  return std::nullopt;
}

}  // namespace

Result<FrontCertificate> ReadFrontCertificate(const FrontTlsFiles& files) {
  FrontCertificate certificate;
  Result<std::string> chain = ReadPem("certificate_file", files.certificate_file);
  if (!chain.has_value()) return chain.error();
  Result<std::string> key = ReadPem("key_file", files.key_file);
  if (!key.has_value()) return key.error();
  certificate.certificate_pem = std::move(*chain);
  certificate.key_pem = std::move(*key);
  if (!files.client_ca_file.empty()) {
    Result<std::string> roots = ReadPem("client_ca_file", files.client_ca_file);
    if (!roots.has_value()) return roots.error();
    if (roots->empty()) return Bad("client_ca_file", files.client_ca_file, "is empty");
    certificate.client_ca_pem = std::move(*roots);
  }
  if (certificate.certificate_pem.empty()) {
    return Bad("certificate_file", files.certificate_file, "is empty");
  }
  if (std::optional<Failure> problem = Check(files, certificate)) return std::move(*problem);
  return certificate;
}

Result<std::shared_ptr<FrontCertificates>> FrontCertificates::Load(FrontTlsFiles files) {
  Result<FrontCertificate> first = ReadFrontCertificate(files);
  if (!first.has_value()) return first.error();
  return std::shared_ptr<FrontCertificates>(
      new FrontCertificates(std::move(files), std::move(*first)));
}

FrontCertificates::FrontCertificates(FrontTlsFiles files, FrontCertificate first)
    : files_(std::move(files)),
      current_(std::make_shared<const FrontCertificate>(std::move(first))) {}

FrontCertificates::Outcome FrontCertificates::Refresh() {
  Result<FrontCertificate> read = ReadFrontCertificate(files_);
  const MutexLock lock(mu_);
  if (!read.has_value()) {
    const std::string& why = read.error().message;
    if (refusals_ < kRefusalsBeforeAlarm) ++refusals_;
    if (refusals_ == kRefusalsBeforeAlarm && why != logged_) {
      Log(LogLevel::kError, "front certificate not replaced", {{"why", why}});
      logged_ = why;
    }
    return Outcome::kRefused;
  }
  refusals_ = 0;
  logged_.clear();
  if (read->SameFiles(*current_)) return Outcome::kUnchanged;
  current_ = std::make_shared<const FrontCertificate>(std::move(*read));
  ++generation_;
  Log(LogLevel::kInfo, "front certificate replaced", {{"file", files_.certificate_file}});
  return Outcome::kReplaced;
}

std::shared_ptr<const FrontCertificate> FrontCertificates::current() const {
  const MutexLock lock(mu_);
  return current_;
}

std::uint64_t FrontCertificates::generation() const {
  const MutexLock lock(mu_);
  return generation_;
}

bool FrontCertificates::stale() const {
  const MutexLock lock(mu_);
  return refusals_ == kRefusalsBeforeAlarm;
}

}  // namespace spillway
