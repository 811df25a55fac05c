#include "transport/io/ares_lookup.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "transport/io/clock.h"

namespace spillway {
namespace {

using asio::posix::stream_descriptor;

constexpr const char* kConfigFile = "/etc/resolv.conf";
// One try waits so long for the first answer; c-ares doubles it per round. Three rounds end after
// the deadline of a lookup, which is what ends it.
constexpr int kTryMillis = 1000;
constexpr int kTries = 3;

// Changes when the file does; "" when there is none.
std::string ConfigStamp() {
  struct stat facts {};
  if (stat(kConfigFile, &facts) != 0) return "";
  return std::to_string(facts.st_ino) + " " + std::to_string(facts.st_size) + " " +
         std::to_string(facts.st_mtim.tv_sec) + "." + std::to_string(facts.st_mtim.tv_nsec);
}

std::optional<IpAddress> AddressOf(const ares_addrinfo_node& node) {
  IpAddress address;
  if (node.ai_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, node.ai_addr, sizeof ipv4);
    std::memcpy(address.bytes.data(), &ipv4.sin_addr, sizeof ipv4.sin_addr);
    return address;
  }
  if (node.ai_family != AF_INET6) return std::nullopt;
  sockaddr_in6 ipv6{};
  std::memcpy(&ipv6, node.ai_addr, sizeof ipv6);
  address.family = IpAddress::Family::kIpv6;
  std::memcpy(address.bytes.data(), &ipv6.sin6_addr, sizeof ipv6.sin6_addr);
  return address;
}

int FamilyNumber(AddressFamily family) {
  if (family == AddressFamily::kIpv4Only) return AF_INET;
  return family == AddressFamily::kIpv6Only ? AF_INET6 : AF_UNSPEC;
}

Failure FailureOf(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
      return LookupFailure(Reason::kDestinationNotFound, ares_strerror(status));
    case ARES_ETIMEOUT:
      return LookupFailure(Reason::kDnsTimeout, ares_strerror(status));
    default:
      return LookupFailure(Reason::kDnsError, ares_strerror(status));
  }
}

std::shared_ptr<const DnsAnswer> MakeAnswer(int status, const ares_addrinfo* found,
                                            std::size_t max_addresses) {
  auto answer = std::make_shared<DnsAnswer>();
  if (status != ARES_SUCCESS) {
    answer->failure = FailureOf(status);
    return answer;
  }
  int ttl = INT32_MAX;
  for (const auto* alias = found->cnames; alias != nullptr; alias = alias->next) {
    ttl = std::min(ttl, alias->ttl);
  }
  auto& known = answer->addresses;
  for (const auto* node = found->nodes; node != nullptr; node = node->ai_next) {
    const auto address = AddressOf(*node);
    if (!address || std::find(known.begin(), known.end(), *address) != known.end()) continue;
    if (known.size() == max_addresses) break;
    ttl = std::min(ttl, node->ai_ttl);
    known.push_back(*address);
  }
  answer->ttl = std::chrono::seconds(std::max(ttl, 0));
  if (known.empty()) answer->failure = LookupFailure(Reason::kDnsError, "no usable address");
  return answer;
}

}  // namespace

// One reading of the configuration. Lives while lookups run on it.
class AresLookup::Channel : public std::enable_shared_from_this<Channel> {
 public:
  Channel(asio::io_context& context, std::size_t max_addresses)
      : context_(context), max_addresses_(max_addresses), timer_(context) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() { Destroy(); }

  bool Open(const std::string& nameservers);
  void Start(const std::shared_ptr<Query>& query, const std::string& name, AddressFamily family);
  // Ends all queries; their callbacks see ARES_EDESTRUCTION and tell nobody.
  void Destroy();

 private:
  struct Socket {
    explicit Socket(asio::io_context& context, int fd) : descriptor(context, fd) {}
    stream_descriptor descriptor;
    bool want_read = false;
    bool want_write = false;
    bool waits_for_read = false;
    bool waits_for_write = false;
    bool gone = false;
  };

  void OnSocketState(int fd, bool readable, bool writable);
  void Wait(int fd, const std::shared_ptr<Socket>& socket);
  void OnReady(int fd, const std::shared_ptr<Socket>& socket, bool readable);
  void Process(int read_fd, int write_fd);
  void ArmTimer();

  asio::io_context& context_;
  const std::size_t max_addresses_;
  ares_channel channel_ = nullptr;
  std::unordered_map<int, std::shared_ptr<Socket>> sockets_;
  asio::steady_timer timer_;
};

// One lookup. Alive until c-ares called back, even when its deadline passed before.
struct AresLookup::Query {
  Query(asio::io_context& io, LookupDone callback)
      : context(io), done(std::move(callback)), deadline(io) {}

  // Tells, once, from outside c-ares: whoever is told may start lookups (O-252).
  void Finish(std::shared_ptr<const DnsAnswer> answer) {
    deadline.cancel();
    if (!done) return;
    asio::post(context,
               [tell = std::exchange(done, nullptr), told = std::move(answer)] { tell(told); });
  }

  asio::io_context& context;
  LookupDone done;
  asio::steady_timer deadline;
  std::size_t max_addresses = 0;
  std::shared_ptr<Channel> channel;  // while c-ares holds the query
  std::shared_ptr<Query> self;       // likewise
};

bool AresLookup::Channel::Open(const std::string& nameservers) {
  ares_options options{};
  options.timeout = kTryMillis;
  options.tries = kTries;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<Channel*>(self)->OnSocketState(fd, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = this;
  const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
    channel_ = nullptr;
    return false;
  }
  return nameservers.empty() ||
         ares_set_servers_ports_csv(channel_, nameservers.c_str()) == ARES_SUCCESS;
}

void AresLookup::Channel::Start(const std::shared_ptr<Query>& query, const std::string& name,
                                AddressFamily family) {
  query->self = query;
  query->channel = shared_from_this();
  query->max_addresses = max_addresses_;
  ares_addrinfo_hints hints{};
  hints.ai_family = FamilyNumber(family);
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(
      channel_, name.c_str(), nullptr, &hints,
      [](void* argument, int status, int /*timeouts*/, ares_addrinfo* found) {
        const std::shared_ptr<Query> ended = std::move(static_cast<Query*>(argument)->self);
        // The channel must not end inside its own callback.
        asio::post(ended->context, [channel = std::move(ended->channel)] {});
        if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) ended->done = nullptr;
        ended->Finish(MakeAnswer(status, found, ended->max_addresses));
        if (found != nullptr) ares_freeaddrinfo(found);
      },
      query.get());
  ArmTimer();
}

void AresLookup::Channel::Destroy() {
  timer_.cancel();
  if (channel_ == nullptr) return;
  ares_destroy(std::exchange(channel_, nullptr));
  for (const auto& [fd, socket] : sockets_) {
    socket->gone = true;
    socket->descriptor.release();
  }
  sockets_.clear();
}

void AresLookup::Channel::OnSocketState(int fd, bool readable, bool writable) {
  const auto found = sockets_.find(fd);
  if (!readable && !writable) {  // c-ares closes it after this
    if (found == sockets_.end()) return;
    found->second->gone = true;
    found->second->descriptor.release();
    sockets_.erase(found);
    return;
  }
  const std::shared_ptr<Socket> socket =
      found != sockets_.end()
          ? found->second
          : sockets_.emplace(fd, std::make_shared<Socket>(context_, fd)).first->second;
  socket->want_read = readable;
  socket->want_write = writable;
  Wait(fd, socket);
}

void AresLookup::Channel::Wait(int fd, const std::shared_ptr<Socket>& socket) {
  const std::weak_ptr<Channel> weak = weak_from_this();
  const auto wait = [&](bool& waits, bool readable) {
    waits = true;
    socket->descriptor.async_wait(
        readable ? stream_descriptor::wait_read : stream_descriptor::wait_write,
        [weak, fd, socket, readable](const boost::system::error_code& error) {
          (readable ? socket->waits_for_read : socket->waits_for_write) = false;
          const auto self = weak.lock();
          if (!error && self != nullptr && !socket->gone) self->OnReady(fd, socket, readable);
        });
  };
  if (socket->want_read && !socket->waits_for_read) wait(socket->waits_for_read, true);
  if (socket->want_write && !socket->waits_for_write) wait(socket->waits_for_write, false);
}

void AresLookup::Channel::OnReady(int fd, const std::shared_ptr<Socket>& socket, bool readable) {
  if (readable ? socket->want_read : socket->want_write) {
    Process(readable ? fd : ARES_SOCKET_BAD, readable ? ARES_SOCKET_BAD : fd);
  }
  if (!socket->gone) Wait(fd, socket);
}

void AresLookup::Channel::Process(int read_fd, int write_fd) {
  if (channel_ == nullptr) return;
  ares_process_fd(channel_, read_fd, write_fd);
  ArmTimer();
}

void AresLookup::Channel::ArmTimer() {
  timeval wait{};
  if (channel_ == nullptr || ares_timeout(channel_, nullptr, &wait) == nullptr) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec));
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (const auto self = weak.lock(); self != nullptr && !error) {
      self->Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
  });
}

AresLookup::AresLookup(asio::io_context& context, AresOptions options)
    : context_(context), options_(std::move(options)) {
  // Once a process; c-ares counts.
  static const int initialized = ares_library_init(ARES_LIB_INIT_ALL);
  static_cast<void>(initialized);
}

AresLookup::~AresLookup() { Stop(); }

std::shared_ptr<AresLookup::Channel> AresLookup::CurrentChannel() {
  const Instant now = Now();
  const bool worn = lookups_on_channel_ >= kLookupsPerChannel;
  if (channel_ != nullptr && now < next_config_check_ && !worn) return channel_;
  next_config_check_ = After(now, kConfigCheck);
  std::string stamp = ConfigStamp();
  if (channel_ != nullptr && stamp == config_stamp_ && !worn) return channel_;
  auto fresh = std::make_shared<Channel>(context_, options_.max_addresses);
  if (!fresh->Open(options_.nameservers)) return channel_;  // the old one, for want of a better
  std::erase_if(retired_, [](const auto& each) { return each.expired(); });
  if (channel_ != nullptr) retired_.push_back(channel_);
  channel_ = std::move(fresh);
  lookups_on_channel_ = 0;
  config_stamp_ = std::move(stamp);
  return channel_;
}

void AresLookup::Start(const std::string& name, AddressFamily family, LookupDone done) {
  if (stopped_) return;
  const auto query = std::make_shared<Query>(context_, std::move(done));
  const std::shared_ptr<Channel> channel = CurrentChannel();
  if (channel == nullptr) {
    auto answer = std::make_shared<DnsAnswer>();
    answer->failure = LookupFailure(Reason::kDnsError, "no resolver can be set up");
    return query->Finish(std::move(answer));
  }
  query->deadline.expires_after(options_.deadline);
  query->deadline.async_wait([query](const boost::system::error_code& error) {
    if (error) return;
    auto answer = std::make_shared<DnsAnswer>();
    answer->failure = LookupFailure(Reason::kDnsTimeout, "no nameserver answered in time");
    query->Finish(std::move(answer));
  });
  ++lookups_on_channel_;
  channel->Start(query, name, family);
}

void AresLookup::Stop() {
  stopped_ = true;
  const std::shared_ptr<Channel> current = std::exchange(channel_, nullptr);
  if (current != nullptr) current->Destroy();
  for (const auto& each : std::exchange(retired_, {})) {
    if (const auto channel = each.lock()) channel->Destroy();
  }
}

}  // namespace spillway
