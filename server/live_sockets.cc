#include "server/live_sockets.h"

#include <sys/stat.h>

namespace spillway {
namespace {

ino_t InodeOf(int fd) {
  struct stat file {};
  return ::fstat(fd, &file) == 0 ? file.st_ino : 0;
}

}  // namespace

void LiveSockets::Add(int fd) { sockets_.push_back({fd, InodeOf(fd)}); }

std::size_t LiveSockets::ForgetClosed() {
  // A number may have been given to another file since; that one is another socket.
  std::erase_if(sockets_, [](const Socket& socket) { return InodeOf(socket.fd) != socket.inode; });
  return sockets_.size();
}

}  // namespace spillway
