// Looks once a second whether the front's certificate has changed.
//
// What it owns: a thread, from construction to destruction.
// Thread safety: none; one owner.

#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "server/front_certificates.h"

namespace spillway {

class CertificateWatch {
 public:
  static constexpr std::chrono::seconds kInterval{1};

  explicit CertificateWatch(std::shared_ptr<FrontCertificates> certificates);
  ~CertificateWatch();
  CertificateWatch(const CertificateWatch&) = delete;
  CertificateWatch& operator=(const CertificateWatch&) = delete;

 private:
  void Loop();

  const std::shared_ptr<FrontCertificates> certificates_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace spillway
