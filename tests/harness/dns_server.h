// A nameserver of a test's own: answers over UDP what it was told to, or misbehaves as told.
//
// What it owns: a socket on 127.0.0.1 and a thread.
// Thread safety: any thread.

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace spillway {

class DnsServer {
 public:
  struct Zone {
    enum class Manner { kAnswer, kSilent, kGarbage, kCutShort };
    Manner manner = Manner::kAnswer;
    int rcode = 0;                       // 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED
    std::vector<std::string> ipv4 = {};  // A records
    std::vector<std::string> ipv6 = {};  // AAAA records
    std::string alias = {};              // a CNAME that points here, before them
    std::uint32_t ttl = 60;
  };

  DnsServer();
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  // "127.0.0.1:PORT"
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Names that are not set do not exist.
  void Set(const std::string& name, const Zone& zone);
  // Questions for A records of `name` so far.
  int questions(const std::string& name) const;

 private:
  void Run();
  std::string Reply(const std::string& question);

  int socket_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mu_;
  std::map<std::string, Zone> zones_;
  std::map<std::string, int> questions_;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace spillway
