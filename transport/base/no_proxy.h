// Hosts that are reached without a proxy, in the syntax of NO_PROXY (N5 to N12, case O-305).
//
// What it is: the list parsed once, and the question whether a URL is on it. The entries, separated
// by commas, blanks round them ignored, case free:
//   *                    everything
//   example.com          the name and everything below it; also example.com:8443
//   .example.com         only what is below it; also *.example.com, and with a port
//   10.0.0.1             that address; also 10.0.0.1:80, ::1, [::1], [::1]:80
//   10.0.0.0/8, fd00::/8 addresses of that network; no port
// Thread safety: immutable; shared freely.
// Invariants: an entry matches by what a URL says, never by what a name resolves to. A name never
// matches an address entry nor an address a name entry. Names and addresses are compared in the
// canonical form of Url::host; a trailing dot of an entry is dropped (N11), and an IPv4-mapped IPv6
// address is the IPv4 address, on either side. An entry that can match nothing is never kept: it is
// one of problems().

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/ip_address.h"
#include "transport/base/url.h"

namespace spillway {

inline constexpr std::size_t kMaxNoProxyEntries = 4096;

class NoProxy {
 public:
  NoProxy() = default;  // an empty list
  static NoProxy Parse(std::string_view text);

  // The first entry that names `url`, as it was written; nullopt when none does.
  std::optional<std::string_view> Match(const Url& url) const;

  // What is wrong with entries that were left out: "entry 2: the port is not a plain number from 1
  // to 65535". Never the entry itself. Configuration refuses them, the environment reports them.
  const std::vector<std::string>& problems() const { return problems_; }
  bool empty() const { return entries_.empty(); }
  // What the list means, so that two spellings of one list are equal.
  std::string CanonicalText() const;

 private:
  enum class Kind : std::uint8_t { kEverything, kName, kBelowName, kNetwork };
  struct Entry {
    std::string text;  // as written, without blanks
    Kind kind = Kind::kEverything;
    std::string name;        // kName, kBelowName: without leading dot
    IpAddress address;       // kNetwork
    unsigned prefix = 0;     // kNetwork: leading bits that count; all of them for one address
    std::uint16_t port = 0;  // 0: any
  };

  static std::string_view ParseEntry(std::string_view text, Entry& entry);
  static bool Matches(const Entry& entry, const Url& url, const std::optional<IpAddress>& address);

  std::vector<Entry> entries_;
  std::vector<std::string> problems_;
};

// Why `url` is never proxied whatever the environment says, "localhost" or "loopback address"; ""
// when it may be (N5). Names below localhost may be.
std::string_view LoopbackName(const Url& url);

}  // namespace spillway
