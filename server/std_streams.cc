#include "server/std_streams.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

namespace spillway {

bool FillStandardStreams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is the missing one. Without /dev/null anything that keeps the number
    // taken will do.
    int filler = ::open("/dev/null", O_RDWR);
    if (filler < 0) filler = ::eventfd(0, 0);
    if (filler != fd) return false;
  }
  return true;
}

}  // namespace spillway
