#include "transport/io/clock.h"

#include <ctime>

namespace spillway {

Instant Now() {
  timespec ts{};
  clock_gettime(CLOCK_BOOTTIME, &ts);
  return Instant(std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec));
}

}  // namespace spillway
