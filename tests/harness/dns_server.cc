#include "tests/harness/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace spillway {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeCname = 5;
constexpr std::uint16_t kTypeAaaa = 28;

void Put16(std::string& out, std::uint32_t value) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

void PutName(std::string& out, const std::string& name) {
  std::size_t begin = 0;
  while (begin < name.size()) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    out += static_cast<char>(end - begin);
    out += name.substr(begin, end - begin);
    begin = end + 1;
  }
  out += '\0';
}

void PutRecord(std::string& out, const std::string& owner, std::uint16_t type, std::uint32_t ttl,
               const std::string& data) {
  PutName(out, owner);
  Put16(out, type);
  Put16(out, 1);  // IN
  Put16(out, ttl >> 16);
  Put16(out, ttl & 0xffff);
  Put16(out, static_cast<std::uint32_t>(data.size()));
  out += data;
}

std::string AddressBytes(int family, const std::string& text) {
  std::array<char, 16> bytes{};
  inet_pton(family, text.c_str(), bytes.data());
  return {bytes.data(), family == AF_INET ? 4U : 16U};
}

}  // namespace

DnsServer::DnsServer() : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof local;
  if (bind(socket_, reinterpret_cast<sockaddr*>(&local), size) != 0 ||
      getsockname(socket_, reinterpret_cast<sockaddr*>(&local), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(local.sin_port);
  thread_ = std::thread([this] { Run(); });
}

DnsServer::~DnsServer() {
  ending_ = true;
  // A datagram to itself ends the wait.
  sockaddr_in self{};
  self.sin_family = AF_INET;
  self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  self.sin_port = htons(port_);
  sendto(socket_, "", 0, 0, reinterpret_cast<const sockaddr*>(&self), sizeof self);
  thread_.join();
  close(socket_);
}

void DnsServer::Set(const std::string& name, const Zone& zone) {
  const std::lock_guard lock(mu_);
  zones_[name] = zone;
}

int DnsServer::questions(const std::string& name) const {
  const std::lock_guard lock(mu_);
  const auto found = questions_.find(name);
  return found == questions_.end() ? 0 : found->second;
}

void DnsServer::Run() {
  std::array<char, 2048> buffer{};
  while (true) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got = recvfrom(socket_, buffer.data(), buffer.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &size);
    if (ending_) return;
    if (got < static_cast<ssize_t>(kHeaderBytes)) continue;
    const std::string reply = Reply({buffer.data(), static_cast<std::size_t>(got)});
    if (reply.empty()) continue;
    sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
  }
}

std::string DnsServer::Reply(const std::string& question) {
  std::string name;
  std::size_t at = kHeaderBytes;
  while (at < question.size() && question[at] != '\0') {
    const auto length = static_cast<unsigned char>(question[at]);
    name += (name.empty() ? "" : ".") + question.substr(at + 1, length);
    at += length + 1U;
  }
  const std::size_t end = at + 5;
  if (end > question.size()) return "";
  const auto type = static_cast<std::uint16_t>(static_cast<unsigned char>(question[at + 1]) << 8 |
                                               static_cast<unsigned char>(question[at + 2]));
  const std::lock_guard lock(mu_);
  if (type == kTypeA) ++questions_[name];
  Zone absent;
  absent.rcode = 3;
  const auto found = zones_.find(name);
  const Zone& zone = found == zones_.end() ? absent : found->second;
  if (zone.manner == Zone::Manner::kSilent) return "";

  std::string records;
  std::uint32_t count = 0;
  std::string owner = name;
  if (!zone.alias.empty()) {
    std::string target;
    PutName(target, zone.alias);
    PutRecord(records, name, kTypeCname, zone.ttl, target);
    owner = zone.alias;
    ++count;
  }
  for (const std::string& text : type == kTypeAaaa ? zone.ipv6 : zone.ipv4) {
    if (type != kTypeA && type != kTypeAaaa) break;
    PutRecord(records, owner, type, zone.ttl,
              AddressBytes(type == kTypeA ? AF_INET : AF_INET6, text));
    ++count;
  }
  std::string reply = question.substr(0, 2);
  Put16(reply, 0x8580U | static_cast<std::uint32_t>(zone.rcode));  // an authoritative answer
  Put16(reply, 1);
  Put16(reply, count);
  Put16(reply, 0);
  Put16(reply, 0);
  reply += question.substr(kHeaderBytes, end - kHeaderBytes);
  reply += records;
  if (zone.manner == Zone::Manner::kGarbage) return question.substr(0, 2) + "\x85\x80 nonsense";
  if (zone.manner == Zone::Manner::kCutShort) reply.resize(reply.size() - 3);
  return reply;
}

}  // namespace spillway
