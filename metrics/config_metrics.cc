#include "metrics/config_metrics.h"

#include <utility>

namespace spillway {
namespace {

double UnixTime(ConfigMetrics::WallTime at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

}  // namespace

void ConfigMetrics::OnLoaded(WallTime at) {
  const MutexLock lock(mu_);
  last_ = Load::kGood;
  loaded_at_ = UnixTime(at);
}

void ConfigMetrics::OnRefused(std::string_view cause) {
  const MutexLock lock(mu_);
  last_ = Load::kRefused;
  for (std::size_t i = 0; i < kReloadCauses.size(); ++i) {
    if (kReloadCauses.at(i) == cause) ++refused_.at(i);
  }
}

void ConfigMetrics::OnPolicy(PolicyFacts facts) {
  const MutexLock lock(mu_);
  policy_ = std::move(facts);
}

void ConfigMetrics::OnStaleFiles(std::uint64_t count) {
  const MutexLock lock(mu_);
  stale_files_ = count;
}

void ConfigMetrics::Write(Exposition& out) const {
  const MutexLock lock(mu_);
  if (last_ == Load::kNone) return;
  out.Begin(Family::kReloadSuccessful);
  out.Add({}, last_ == Load::kGood ? 1 : 0);
  if (loaded_at_ > 0) {
    out.Begin(Family::kReloadTime);
    out.Add({}, loaded_at_);
  }
  out.Begin(Family::kReloadFailures);
  for (std::size_t i = 0; i < kReloadCauses.size(); ++i) {
    out.Add(std::array{kReloadCauses.at(i)}, static_cast<double>(refused_.at(i)));
  }
  out.Begin(Family::kPolicyVersion);
  if (policy_.version > 0) out.Add({}, static_cast<double>(policy_.version));
  out.Begin(Family::kStaleFiles);
  out.Add({}, static_cast<double>(stale_files_));
  out.Begin(Family::kCertificateExpiry);
  for (const PolicyFacts::Certificate& certificate : policy_.certificates) {
    const std::array<std::string_view, 1> values = {certificate.name};
    out.Add(values, UnixTime(certificate.not_after));
  }
  out.Begin(Family::kInsecureProfiles);
  out.Add({}, static_cast<double>(policy_.insecure_profiles));
}

}  // namespace spillway
