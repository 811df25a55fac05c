// What we tell an HTTP/2 peer about ourselves, and what we take from it.
//
// Thread safety: plain values.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace spillway {

// Streams that a peer is taken to allow until its SETTINGS say (H3).
inline constexpr std::uint32_t kStreamsBeforeSettings = 100;

// Largest frame we take: the protocol's least, so that no frame holds up the others for long.
inline constexpr std::uint32_t kMaxFrameBytes = 16 * 1024;

// Both HPACK tables, whatever more a peer would allow (O-137).
inline constexpr std::uint32_t kHeaderTableBytes = 4 * 1024;

// SETTINGS_MAX_HEADER_LIST_SIZE: advice to the peer. What is enforced is each exchange's
// ResponseLimits.
inline constexpr std::uint32_t kAdvisedHeaderListBytes = 1024 * 1024;

// Serialised frames that wait for the socket; above it, request bodies are no longer pulled. Other
// frames are few, because what makes us send them is rationed.
inline constexpr std::size_t kMaxOutputBytes = std::size_t{256} * 1024;

// CONTINUATION frames of one header block.
inline constexpr std::uint32_t kMaxContinuations = 8;

// A connection whose peer does not read takes no further requests once this much waits.
inline constexpr std::size_t kMaxBacklogBytes = 2 * kMaxOutputBytes;

// A request head may be this long once compressed.
inline constexpr std::size_t kMaxRequestHeadBytes = std::size_t{256} * 1024;

// The last this many stream ids are not used: a connection is given up before it runs out (O-200).
inline constexpr std::uint32_t kReservedStreamIds = 1000;

// What the peer's SETTINGS say now.
struct PeerSettings {
  std::uint32_t max_streams = kStreamsBeforeSettings;
  std::uint32_t max_header_list = UINT32_MAX;

  bool operator==(const PeerSettings&) const = default;
};

// Streams we use at once on a connection.
constexpr std::uint32_t UsableStreams(const PeerSettings& peer, std::uint32_t max_streams) {
  return std::min(peer.max_streams, max_streams);
}

}  // namespace spillway
