#include "transport/io/system_roots.h"

#include <openssl/x509.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "transport/base/check.h"
#include "transport/base/mutex.h"
#include "transport/io/digest.h"

namespace spillway {
namespace {

std::optional<std::string> ReadWhole(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return std::nullopt;
  return text;
}

std::string ReadBundle() {
  // An administrator's choice, once made, is the only one.
  if (const char* chosen = std::getenv(X509_get_default_cert_file_env())) {
    return ReadWhole(chosen).value_or("");
  }
  for (const char* path :
       {X509_get_default_cert_file(), "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}) {
    if (std::optional<std::string> text = ReadWhole(path)) return std::move(*text);
  }
  return "";
}

std::shared_ptr<const SystemRoots> Parse(const std::string& bundle, std::string digest) {
  auto roots = std::make_shared<SystemRoots>();
  roots->digest = std::move(digest);
  roots->store.reset(X509_STORE_new(), X509_STORE_free);
  SPILLWAY_CHECK(roots->store != nullptr);
  if (auto parsed = ParseCertificates(bundle, "roots")) roots->certificates = std::move(*parsed);
  for (const X509Ptr& certificate : roots->certificates) {
    X509_STORE_add_cert(roots->store.get(), certificate.get());
  }
  return roots;
}

}  // namespace

std::shared_ptr<const SystemRoots> ReadSystemRoots() {
  static Mutex mutex;
  static std::shared_ptr<const SystemRoots> last;
  const std::string bundle = ReadBundle();
  std::string digest = bundle.empty() ? "" : Sha256Hex(bundle);
  MutexLock lock(mutex);
  if (last == nullptr || last->digest != digest) last = Parse(bundle, std::move(digest));
  return last;
}

}  // namespace spillway
