// What an origin saw: its side of the story, for a test to compare with the caller's.
//
// What it is: the requests of each connection as bytes and as an independent strict reading of them
// (case C-024: this parser shares no code with the transport), and how the connection ended.
// Thread safety: plain values; ParseHead is a pure function.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spillway {

struct SeenRequest {
  std::string head;  // as it came, blank line included; of HTTP/2: written as HTTP/1 would be
  std::uint32_t stream = 0;  // HTTP/2
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

// What a TLS client showed.
struct SeenTls {
  bool hello = false;     // a ClientHello came
  bool finished = false;  // the handshake ended well
  std::string server_name;
  std::vector<std::string> offered;  // ALPN
  std::string alpn;                  // what it ended with
  std::string version;               // "TLSv1.3"
  std::string cipher;
  bool resumed = false;
  std::string client;  // common name of its certificate
  std::string alert;   // that it sent
  std::string error;   // of ours
};

// What an HTTP/2 client did, beside its requests.
struct SeenHttp2 {
  bool preface = false;
  std::map<std::uint16_t, std::uint32_t> settings;             // last value of each
  std::map<std::string, std::uint64_t> frames;                 // by name
  std::map<std::string, std::uint64_t> acks;                   // of SETTINGS and PING
  std::vector<std::pair<std::uint32_t, std::string>> resets;   // stream, code
  std::vector<std::pair<std::uint32_t, std::string>> goaways;  // last stream, code
  std::uint64_t data_bytes = 0;
  std::uint64_t most_open = 0;  // requests at once that had no whole answer yet
  std::string error;            // what was wrong with what it sent
};

struct SeenConnection {
  std::uint64_t number = 0;           // order of accept, from 1
  std::uint64_t bytes = 0;            // received, read by the script or not
  std::uint64_t segments = 0;         // TCP segments they came in
  std::vector<SeenRequest> requests;  // heads that were complete
  std::uint64_t request_count = 0;    // also when requests are not kept
  PeerEnd peer_end = PeerEnd::kOpen;
  bool closed = false;  // the script is over and the socket closed
  SeenTls tls;
  SeenHttp2 http2;
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
