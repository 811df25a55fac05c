// The far end of a loopback connection that the test itself plays, frame by frame.
//
// What it owns: its descriptor.
// Thread safety: the test's thread only.
// Errors: an Await that gets nothing for 20 s, or the end of the connection, answers false; the
// test then fails with seen().

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/harness/http2_frames.h"

namespace spillway {

class WirePeer {
 public:
  // A connected pair; `other` is the near end, to be given away. `small_buffers`: neither kernel
  // buffer takes much.
  explicit WirePeer(int& other, bool small_buffers = false);
  ~WirePeer();
  WirePeer(const WirePeer&) = delete;
  WirePeer& operator=(const WirePeer&) = delete;

  void Send(std::string_view bytes);
  // SETTINGS and the acknowledgement of ours.
  void SendPreface(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> settings = {});
  // Reads until a frame that Describe() calls `line` has come, now or before; each counts once.
  bool Await(std::string_view line);
  bool AwaitThat(const std::function<bool(const h2::SeenFrame&)>& wanted);
  // Reads until the other side closed.
  bool AwaitEnd();
  // All that has come, described, that no Await took; for messages.
  std::string seen() const;
  bool Saw(std::string_view line) const;

  void FinishSending();  // FIN
  void Reset();          // RST
 private:
  bool ReadMore();

  int fd_ = -1;
  std::string bytes_;
  bool preface_seen_ = false;
  std::vector<h2::SeenFrame> frames_;
};

}  // namespace spillway
