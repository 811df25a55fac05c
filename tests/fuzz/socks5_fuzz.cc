// Bytes of a proxy into the SOCKS5 conversation.
//
// Input: one byte (bit 0: with credentials; bits 1 and 2: what is asked for; the rest: the size of
// the pieces), then the bytes. Oracles: any segmentation says the same and sends the same; what is
// sent is a prefix of what RFC 1928 has; an open tunnel has consumed exactly its replies.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "transport/base/check.h"
#include "transport/connect/socks5.h"

namespace spillway {
namespace {

struct Outcome {
  Socks5Handshake::State state = Socks5Handshake::State::kMore;
  std::string sent;
  Failure failure;
};

ProxyServer Proxy(bool credentials) {
  ProxyServer proxy;
  proxy.kind = ProxyKind::kSocks5;
  proxy.host = "proxy";
  proxy.port = 1080;
  if (credentials) {
    proxy.user = "user";
    proxy.password = "secret-word";
  }
  return proxy;
}

Outcome Converse(std::string_view bytes, std::size_t piece, unsigned options) {
  const ProxyServer proxy = Proxy((options & 1U) != 0);
  const bool name = (options & 2U) == 0;
  const bool ipv4 = (options & 4U) == 0;
  Socks5Handshake handshake(proxy,
                            name   ? "origin.test"
                            : ipv4 ? "10.0.0.1"
                                   : "2001:db8::1",
                            name   ? HostKind::kName
                            : ipv4 ? HostKind::kIpv4
                                   : HostKind::kIpv6,
                            443);
  Outcome outcome;
  for (;;) {
    outcome.sent += handshake.output();
    handshake.OnSent(handshake.output().size());
    if (bytes.empty() || handshake.state() == Socks5Handshake::State::kFailed) break;
    const std::size_t n = std::min(piece, bytes.size());
    handshake.Feed(bytes.substr(0, n));
    bytes.remove_prefix(n);
  }
  outcome.state = handshake.state();
  outcome.failure = handshake.failure();
  return outcome;
}

void CheckFailure(const Failure& failure) {
  SPILLWAY_CHECK(failure.source == Source::kProxy && failure.phase == Phase::kProxy);
  SPILLWAY_CHECK(failure.delivery == Delivery::kNotSent);
  SPILLWAY_CHECK(failure.message.size() <= kMaxFailureMessage);
  SPILLWAY_CHECK(failure.message.find("secret-word") == std::string::npos);
}

// An open tunnel: method, login reply when one was asked for, reply with its address.
void CheckReplies(std::string_view bytes, bool credentials) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  SPILLWAY_CHECK(bytes.size() >= 2 && at(0) == 5 && (at(1) == 0 || (credentials && at(1) == 2)));
  const bool login = at(1) == 2;
  bytes.remove_prefix(2);
  if (login) {
    SPILLWAY_CHECK(bytes.size() >= 2 && at(0) == 1 && at(1) == 0);
    bytes.remove_prefix(2);
  }
  SPILLWAY_CHECK(bytes.size() >= 5 && at(0) == 5 && at(1) == 0 && at(2) == 0);
  const std::size_t address = at(3) == 1 ? 4 : at(3) == 4 ? 16 : at(4) + 1U;
  SPILLWAY_CHECK(at(3) == 1 || at(3) == 3 || at(3) == 4);
  SPILLWAY_CHECK(bytes.size() == 4 + address + 2);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using State = spillway::Socks5Handshake::State;
  if (size == 0) return 0;
  const unsigned options = data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const spillway::Outcome dripped = spillway::Converse(bytes, 1, options);
  for (const std::size_t piece : {options / 8 + 1, static_cast<unsigned>(size)}) {
    const spillway::Outcome other = spillway::Converse(bytes, piece, options);
    SPILLWAY_CHECK(other.state == dripped.state);
    SPILLWAY_CHECK(other.failure.message == dripped.failure.message);
    // A failure in the same piece as the step before it keeps the request back.
    SPILLWAY_CHECK(dripped.sent.starts_with(other.sent));
    if (other.state != State::kFailed) SPILLWAY_CHECK(other.sent == dripped.sent);
  }
  if (dripped.state == State::kFailed) spillway::CheckFailure(dripped.failure);
  if (dripped.state == State::kOpen) spillway::CheckReplies(bytes, (options & 1U) != 0);
  return 0;
}
