// How a connection of BulkOrigin waits, reads and writes, and the two protocols over it.
//
// Thread safety: none; a thread each.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/integration/bulk_origin.h"
#include "tests/integration/bulk_pattern.h"

namespace spillway {

// What both protocols need of a socket that does not block.
class BulkSocket {
 public:
  BulkSocket(int fd, int wake_fd) : fd_(fd), wake_fd_(wake_fd) {}

  // Waits until there is something to do, or the origin woke this connection.
  void Wait(bool to_read, bool to_write) const;
  // Waits and appends what came; false when the peer is gone or `state` is stopping.
  bool ReadMore(const BulkState& state, std::string& into) const;
  // Waits until the socket took it all.
  bool WriteAll(const BulkState& state, std::string_view bytes) const;
  // Waits for the origin's call, or until the peer has hung up or reset; true in the latter case.
  bool HungUp() const;
  // Bytes read into `buffer`; 0: nothing now; -1: the peer is gone.
  long Read(char* buffer, std::size_t size) const;
  // Bytes that the socket took; 0: none now; -1: the peer is gone.
  long Write(std::string_view bytes) const;

 private:
  const int fd_;
  const int wake_fd_;
};

// "/down/N" -> N.
std::uint64_t BulkBytesOf(std::string_view path);
// What /up answers.
std::string BulkReceipt(const BulkReader& reader);

void ServeBulkHttp1(BulkState& state, const BulkSocket& socket);
void ServeBulkHttp2(BulkState& state, const BulkSocket& socket);

}  // namespace spillway
