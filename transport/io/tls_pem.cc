#include "transport/io/tls_pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <climits>
#include <cstddef>

namespace spillway {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::size_t kMaxPemBytes = std::size_t{8} * 1024 * 1024;

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;

BioPtr Reader(std::string_view pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
}

std::size_t CountBlocks(std::string_view pem) {
  std::size_t blocks = 0;
  for (std::size_t at = pem.find(kBegin); at != std::string_view::npos;
       at = pem.find(kBegin, at + kBegin.size())) {
    ++blocks;
  }
  return blocks;
}

bool IsCertificate(std::string_view label) {
  return label == PEM_STRING_X509 || label == PEM_STRING_X509_OLD ||
         label == PEM_STRING_X509_TRUSTED;
}

// Never waits at a terminal for a passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

struct Block {
  char* label = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;

  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() {
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
};

X509Ptr Decode(const Block& block) {
  const unsigned char* at = block.data;
  X509* certificate = std::string_view(block.label) == PEM_STRING_X509_TRUSTED
                          ? d2i_X509_AUX(nullptr, &at, block.size)
                          : d2i_X509(nullptr, &at, block.size);
  X509Ptr owned(certificate, X509_free);
  // Bytes behind the certificate would be compared by nobody.
  if (certificate != nullptr && at != block.data + block.size) return nullptr;
  return owned;
}

}  // namespace

Result<std::vector<X509Ptr>> ParseCertificates(std::string_view pem, std::string_view field) {
  if (pem.size() > kMaxPemBytes) return BadRequest(field, "larger than 8 MiB");
  const BioPtr reader = Reader(pem);
  std::vector<X509Ptr> found;
  while (true) {
    Block block;
    if (PEM_read_bio(reader.get(), &block.label, &block.header, &block.data, &block.size) != 1) {
      break;
    }
    if (!IsCertificate(block.label)) {
      return BadRequest(field, "holds something else than certificates");
    }
    X509Ptr certificate = Decode(block);
    if (certificate == nullptr) {
      ERR_clear_error();
      return BadRequest(field,
                        "certificate " + std::to_string(found.size() + 1) + " cannot be decoded");
    }
    found.push_back(std::move(certificate));
  }
  ERR_clear_error();
  if (found.empty()) return BadRequest(field, "holds no PEM certificate");
  if (found.size() != CountBlocks(pem)) {
    return BadRequest(field,
                      "PEM block " + std::to_string(found.size() + 1) + " is cut short or damaged");
  }
  return found;
}

Result<KeyPtr> ParsePrivateKey(std::string_view pem, std::string_view field) {
  if (pem.size() > kMaxPemBytes) return BadRequest(field, "larger than 8 MiB");
  const BioPtr reader = Reader(pem);
  KeyPtr key(PEM_read_bio_PrivateKey(reader.get(), nullptr, NoPassphrase, nullptr), EVP_PKEY_free);
  ERR_clear_error();
  if (key != nullptr) return key;
  if (pem.find("ENCRYPTED") != std::string_view::npos) {
    return BadRequest(field, "is locked by a passphrase; keys must be unlocked");
  }
  return BadRequest(field, "holds no PEM private key that can be read");
}

}  // namespace spillway
