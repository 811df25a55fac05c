#include "server/certificate_watch.h"

#include <utility>

namespace spillway {

CertificateWatch::CertificateWatch(std::shared_ptr<FrontCertificates> certificates)
    : certificates_(std::move(certificates)), thread_([this] { Loop(); }) {}

CertificateWatch::~CertificateWatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void CertificateWatch::Loop() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kInterval, [this] { return stop_; })) {
    lock.unlock();
    certificates_->Refresh();
    lock.lock();
  }
}

}  // namespace spillway
