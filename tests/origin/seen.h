// What an origin saw: its side of the story, for a test to compare with the caller's.
//
// What it is: the requests of each connection as bytes and as an independent strict reading of them
// (case C-024: this parser shares no code with the transport), and how the connection ended.
// Thread safety: plain values; ParseHead is a pure function.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spillway {

struct SeenRequest {
  std::string head;  // as it came, blank line included
  std::string method;
  std::string target;
  std::string version;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;            // as far as the script read it, chunking undone
  bool well_formed = false;    // the head reads as exactly one request head
  bool body_complete = false;  // to the end of its framing

  // First value of `name`, case-insensitive; nullopt when absent.
  std::optional<std::string> Find(std::string_view name) const;
  std::size_t Count(std::string_view name) const;
};

// How the peer left, as this side saw it.
enum class PeerEnd : std::uint8_t { kOpen, kFin, kReset };

struct SeenConnection {
  std::uint64_t number = 0;           // order of accept, from 1
  std::uint64_t bytes = 0;            // received, read by the script or not
  std::uint64_t segments = 0;         // TCP segments they came in
  std::vector<SeenRequest> requests;  // heads that were complete
  std::uint64_t request_count = 0;    // also when requests are not kept
  PeerEnd peer_end = PeerEnd::kOpen;
  bool closed = false;             // the script is over and the socket closed
  std::string stray;               // bytes that were never read as part of a request
  std::vector<std::string> story;  // steps and ends, in order
};

// Reads `head` (which ends with the blank line). `well_formed` tells whether it is exactly one
// request head by a strict reading: three-part request line, token names, no control bytes, CRLF.
SeenRequest ParseHead(std::string_view head);

// How a request body is framed.
struct SeenFraming {
  bool chunked = false;
  std::uint64_t length = 0;
};
SeenFraming FramingOf(const SeenRequest& request);

}  // namespace spillway
