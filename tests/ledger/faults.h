// Which fault an origin makes of a request: chosen by seed, so that a failure can be played again.
//
// Thread safety: pure functions.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/origin/script.h"

namespace spillway {

enum class Fault : std::uint8_t {
  kNone,
  // Before the body is read.
  kResetAtHead,
  kFinAtHead,
  kEarlyRefusal,  // 503 and close without reading the body
  // Instead of an answer.
  kFinUnanswered,
  kResetUnanswered,
  kCutHead,
  kCutBody,
  kResetInBody,
  kCutChunks,
  kGarbage,
  kTwoFramings,
  kInformationalFlood,
  kSilence,  // until the caller gives up
  // With a whole answer.
  kSurplus,
  kSaysClose,
  kFinAfter,
  kResetAfter,
  kUnsolicited,  // a second response behind the first, with an id of its own
  kDrip,
  kCount,
};

// A number from `seed`, `id` and `salt` that looks random.
std::uint64_t Draw(std::uint64_t seed, std::string_view id, std::uint64_t salt);

// `parts_per_million` of all draws are faults, spread evenly over the kinds.
Fault FaultFor(std::uint64_t seed, std::string_view id, std::uint64_t connection,
               std::uint64_t parts_per_million);

bool IsBeforeBody(Fault fault);
// The origin writes a whole response.
bool Answers(Fault fault);

// The same over HTTP/2, where most faults cost a stream and not its connection.
Script Http2ScriptOf(Fault fault, const std::string& answer);
// Before anything of a request is looked at: REFUSED_STREAM or a GOAWAY that leaves it out, in
// `parts_per_million` of draws; empty for the others.
Script Http2Refusal(std::uint64_t seed, std::string_view id, std::uint64_t connection,
                    std::uint64_t parts_per_million);

// The steps of `fault`, around the good response `answer`.
Script ScriptOf(Fault fault, const std::string& answer);

}  // namespace spillway
