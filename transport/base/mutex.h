// A std::mutex that clang's thread-safety analysis understands.
//
// std::mutex rather than absl::Mutex because ThreadSanitizer cannot see into the packaged Abseil.
// Use: `Mutex mu_; int x_ SPILLWAY_GUARDED_BY(mu_);` and `MutexLock lock(mu_);`.

#pragma once

#include <mutex>

#if defined(__clang__)
#define SPILLWAY_TSA(x) __attribute__((x))
#else
#define SPILLWAY_TSA(x)
#endif

#define SPILLWAY_GUARDED_BY(mu) SPILLWAY_TSA(guarded_by(mu))
#define SPILLWAY_REQUIRES(...) SPILLWAY_TSA(requires_capability(__VA_ARGS__))
#define SPILLWAY_EXCLUDES(...) SPILLWAY_TSA(locks_excluded(__VA_ARGS__))

namespace spillway {

class SPILLWAY_TSA(capability("mutex")) Mutex {
 public:
  void Lock() SPILLWAY_TSA(acquire_capability()) { mu_.lock(); }
  void Unlock() SPILLWAY_TSA(release_capability()) { mu_.unlock(); }

  // For condition variables (std::condition_variable_any).
  void lock() SPILLWAY_TSA(acquire_capability()) { mu_.lock(); }
  void unlock() SPILLWAY_TSA(release_capability()) { mu_.unlock(); }

 private:
  std::mutex mu_;
};

class SPILLWAY_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mu) SPILLWAY_TSA(acquire_capability(mu)) : mu_(mu) { mu_.Lock(); }
  ~MutexLock() SPILLWAY_TSA(release_capability()) { mu_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

}  // namespace spillway
