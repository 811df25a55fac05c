// Plays a script on one connection.
//
// What it owns: the bytes received and not yet read by a step.
// Thread safety: none; one thread plays one connection.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tests/origin/board.h"
#include "tests/origin/h2_player.h"
#include "tests/origin/hooks.h"
#include "tests/origin/peer.h"
#include "tests/origin/script.h"
#include "tests/origin/seen.h"
#include "tests/origin/seen_log.h"
#include "tests/origin/wire.h"

namespace spillway {

class Player {
 public:
  Player(Peer& peer, SeenLog& log, std::uint64_t connection, Board& board, const Hooks& hooks);

  // Plays `script`, then serves until the peer hangs up.
  void Run(const Script& script);

 private:
  // False: the connection is over, nothing more can be played.
  bool Play(const Script& script);
  bool PlayStep(const Step& step);
  bool PlayTls(const Step& step);
  bool PlayHttp2(const Step& step);
  // What comes before the steps of every script: TLS, and the first frames of HTTP/2.
  bool Begin(const Script& script);
  bool BeginHttp2(const Script& script);
  H2Player& Http2();
  bool ReadMore();
  bool ExpectHead();
  bool ExpectBody(std::uint64_t limit);
  bool ReadChunkedBody();
  bool ExpectBytes(std::uint64_t count);
  bool SendStep(const Step& step);
  bool Drip(const Step& step);
  bool Serve(std::uint64_t count);
  bool Hold();
  bool Release();
  void DropUntilPeerEnds();
  void Ended(Peer::Got got);

  Peer& peer_;
  Wire wire_;
  std::unique_ptr<H2Player> http2_;  // null until the connection speaks it
  SeenTls tls_;
  SeenLog& log_;
  const std::uint64_t connection_;
  Board& board_;
  const Hooks& hooks_;
  std::string in_;
  SeenRequest request_;  // the last head read
};

}  // namespace spillway
