// Plays a script on one connection.
//
// What it owns: the bytes received and not yet read by a step.
// Thread safety: none; one thread plays one connection.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tests/origin/board.h"
#include "tests/origin/peer.h"
#include "tests/origin/script.h"
#include "tests/origin/seen.h"
#include "tests/origin/seen_log.h"

namespace spillway {

// Decides how `serve` answers a request: the steps to play. Called after the whole body was read.
using Handler = std::function<Script(const SeenRequest& request, std::uint64_t connection)>;

// Hears of a request that `serve` is about to read the body of; steps it returns are played
// instead.
using HeadHook =
    std::function<std::optional<Script>(const SeenRequest& request, std::uint64_t connection)>;

struct Hooks {
  Handler handler;   // never empty
  HeadHook on_head;  // may be empty
};

class Player {
 public:
  Player(Peer& peer, SeenLog& log, std::uint64_t connection, Board& board, const Hooks& hooks);

  // Plays `script`, then serves until the peer hangs up.
  void Run(const Script& script);

 private:
  // False: the connection is over, nothing more can be played.
  bool Play(const Script& script);
  bool PlayStep(const Step& step);
  bool ReadMore();
  bool ExpectHead();
  bool ExpectBody(std::uint64_t limit);
  bool ReadChunkedBody();
  bool ExpectBytes(std::uint64_t count);
  bool SendStep(const Step& step);
  bool Drip(const Step& step);
  bool Serve(std::uint64_t count);
  void DropUntilPeerEnds();
  void Ended(Peer::Got got);

  Peer& peer_;
  SeenLog& log_;
  const std::uint64_t connection_;
  Board& board_;
  const Hooks& hooks_;
  std::string in_;
  SeenRequest request_;  // the last head read
};

}  // namespace spillway
