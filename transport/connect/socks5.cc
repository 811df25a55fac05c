#include "transport/connect/socks5.h"

#include <algorithm>
#include <array>
#include <optional>

namespace spillway {
namespace {

constexpr char kVersion = 5;
constexpr char kLoginVersion = 1;
constexpr char kNoLogin = 0;
constexpr char kUserPassword = 2;
constexpr char kConnect = 1;
constexpr char kIpv4Type = 1;
constexpr char kNameType = 3;
constexpr char kIpv6Type = 4;
constexpr unsigned kNoAcceptableMethod = 0xff;
constexpr std::size_t kMaxField = 255;

unsigned Byte(const std::string& bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

std::string AddressField(const IpAddress& address) {
  const bool ipv4 = address.family == IpAddress::Family::kIpv4;
  std::string out(1, ipv4 ? kIpv4Type : kIpv6Type);
  const std::size_t size = ipv4 ? 4 : 16;
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(address.bytes.at(i));
  return out;
}

// "" when the length does not fit.
std::string NameField(std::string_view name) {
  if (name.empty() || name.size() > kMaxField) return {};
  std::string out(1, kNameType);
  out += static_cast<char>(name.size());
  out += name;
  return out;
}

std::string TargetField(std::string_view host, HostKind kind) {
  if (kind == HostKind::kName) return NameField(host);
  const std::optional<IpAddress> address = IpAddress::Parse(host);
  return address ? AddressField(*address) : std::string();
}

struct ReplyMeaning {
  Reason reason;
  std::string_view text;
};

// RFC 1928 section 6; the codes after 0, which is success (O-299).
constexpr std::array<ReplyMeaning, 8> kReplies = {{
    {Reason::kProxyDenied, "could not connect to the origin: general failure"},
    {Reason::kProxyDenied, "refused the tunnel: its rules do not allow it"},
    {Reason::kDestinationIpUnroutable, "could not connect to the origin: network unreachable"},
    {Reason::kDestinationIpUnroutable, "could not connect to the origin: host unreachable"},
    {Reason::kConnectionRefused, "could not connect to the origin: connection refused"},
    {Reason::kConnectionTimeout, "could not connect to the origin: TTL expired"},
    {Reason::kProxyDenied, "refused the tunnel: it does not know CONNECT"},
    {Reason::kProxyDenied, "refused the tunnel: it does not know this type of address"},
}};

ReplyMeaning MeaningOf(unsigned reply) {
  if (reply >= 1 && reply <= kReplies.size()) return kReplies.at(reply - 1);
  return {Reason::kProxyDenied, "could not connect to the origin: a reply code without meaning"};
}

}  // namespace

Socks5Handshake::Socks5Handshake(const ProxyServer& proxy, std::string_view host,
                                 HostKind host_kind, std::uint16_t port) {
  Start(proxy, TargetField(host, host_kind), port);
}

Socks5Handshake::Socks5Handshake(const ProxyServer& proxy, const IpAddress& address,
                                 std::uint16_t port) {
  Start(proxy, AddressField(address), port);
}

void Socks5Handshake::Start(const ProxyServer& proxy, std::string_view target, std::uint16_t port) {
  proxy_text_ = proxy.Text();
  if (target.empty()) {
    Fail(Reason::kProxyConfigurationError, "cannot be asked for a host of this length");
    return;
  }
  if (proxy.HasCredentials()) {
    if (proxy.user.empty() || proxy.user.size() > kMaxField || proxy.password.size() > kMaxField) {
      Fail(Reason::kProxyConfigurationError, "cannot take credentials of this length");
      return;
    }
    login_ += kLoginVersion;
    login_ += static_cast<char>(proxy.user.size());
    login_ += proxy.user;
    login_ += static_cast<char>(proxy.password.size());
    login_ += proxy.password;
  }
  request_ = {kVersion, kConnect, 0};
  request_ += target;
  request_ += static_cast<char>(port >> 8);
  request_ += static_cast<char>(port & 0xff);
  output_ = login_.empty() ? std::string{kVersion, 1, kNoLogin}
                           : std::string{kVersion, 2, kNoLogin, kUserPassword};
}

void Socks5Handshake::OnSent(std::size_t bytes) {
  output_.erase(0, bytes);
  SettleWhenDone();
}

Socks5Handshake::State Socks5Handshake::Feed(std::string_view bytes) {
  if (state_ == State::kFailed) return state_;
  // One byte at a time only where it is short: no message exceeds 262 bytes, so what is held stays
  // small however much arrives at once.
  while (!bytes.empty() && state_ != State::kFailed) {
    if (step_ == Step::kDone) {
      Fail(Reason::kProxyProtocolError, "sent bytes after its last SOCKS5 reply");
      break;
    }
    input_ += bytes.front();
    bytes.remove_prefix(1);
    const bool whole = step_ == Step::kMethod  ? TakeMethod()
                       : step_ == Step::kLogin ? TakeLogin()
                                               : TakeReply();
    if (whole) input_.clear();
  }
  SettleWhenDone();
  return state_;
}

Socks5Handshake::State Socks5Handshake::End() {
  if (state_ == State::kMore) {
    Fail(Reason::kConnectionTerminated, "closed the connection during the SOCKS5 handshake");
  }
  return state_;
}

bool Socks5Handshake::TakeMethod() {
  if (input_[0] != kVersion) {
    Fail(Reason::kProxyProtocolError, "does not speak SOCKS5");
    return false;
  }
  if (input_.size() < 2) return false;
  const unsigned method = Byte(input_, 1);
  if (method == static_cast<unsigned>(kNoLogin)) {
    step_ = Step::kReply;
    output_ += request_;
  } else if (method == static_cast<unsigned>(kUserPassword) && !login_.empty()) {
    step_ = Step::kLogin;
    output_ += login_;
  } else if (method == kNoAcceptableMethod) {
    Fail(Reason::kProxyAuthenticationRequired, "accepts no way to log in that policy has");
  } else {
    Fail(Reason::kProxyProtocolError, "chose a way to log in that was not offered");
  }
  return true;
}

bool Socks5Handshake::TakeLogin() {
  if (input_[0] != kLoginVersion) {
    Fail(Reason::kProxyProtocolError, "answered the login with a wrong version");
    return false;
  }
  if (input_.size() < 2) return false;
  if (input_[1] != 0) {
    Fail(Reason::kProxyAuthenticationRequired, "refused the credentials");
    return true;
  }
  step_ = Step::kReply;
  output_ += request_;
  return true;
}

bool Socks5Handshake::TakeReply() {
  constexpr std::size_t kFront = 4;  // version, reply, reserved, address type
  if (input_[0] != kVersion) {
    Fail(Reason::kProxyProtocolError, "replied with a wrong SOCKS version");
    return false;
  }
  if (input_.size() < 2) return false;
  if (const unsigned reply = Byte(input_, 1); reply != 0) {
    const ReplyMeaning meaning = MeaningOf(reply);
    Fail(meaning.reason, meaning.text, reply);
    return true;
  }
  if (input_.size() >= 3 && input_[2] != 0) {
    Fail(Reason::kProxyProtocolError, "replied with a reserved byte that is not zero");
    return true;
  }
  if (input_.size() < kFront + 1) return false;
  std::size_t address = 0;
  switch (input_[3]) {
    case kIpv4Type:
      address = 4;
      break;
    case kIpv6Type:
      address = 16;
      break;
    case kNameType:
      address = 1 + Byte(input_, kFront);  // 0 and 128 to 255 are lengths as well (O-300)
      break;
    default:
      Fail(Reason::kProxyProtocolError, "replied with an unknown type of address");
      return true;
  }
  if (input_.size() < kFront + address + 2) return false;
  step_ = Step::kDone;
  return true;
}

// Replies may come before what they answer was sent; the tunnel opens when both are through.
void Socks5Handshake::SettleWhenDone() {
  if (state_ == State::kMore && step_ == Step::kDone && output_.empty()) state_ = State::kOpen;
}

void Socks5Handshake::Fail(Reason reason, std::string_view what, std::uint32_t reply) {
  state_ = State::kFailed;
  output_.clear();
  failure_.reason = reason;
  failure_.source = reason == Reason::kProxyConfigurationError ? Source::kPolicy : Source::kProxy;
  failure_.phase = Phase::kProxy;
  failure_.delivery = Delivery::kNotSent;
  failure_.proxy_status = reply;
  failure_.message = "proxy " + proxy_text_ + " ";
  failure_.message += what;
  if (reply != 0) failure_.message += " (SOCKS5 reply " + std::to_string(reply) + ")";
}

}  // namespace spillway
