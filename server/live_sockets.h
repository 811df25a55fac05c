// Which of the sockets that were given away are still open.
//
// What it is: a descriptor's number and the socket it was then. Whoever was given the descriptor
// closes it without telling; looking at what the number stands for now says whether it did.
// What it owns: numbers, no descriptors.
// Thread safety: none.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

namespace spillway {

class LiveSockets {
 public:
  void Add(int fd);
  // How many there were when last looked at, and those added since.
  std::size_t size() const { return sockets_.size(); }
  // Looks at each, which costs a system call; gives how many are open.
  std::size_t ForgetClosed();

 private:
  struct Socket {
    int fd = -1;
    ino_t inode = 0;
  };
  std::vector<Socket> sockets_;
};

}  // namespace spillway
