#include "server/unix_identities.h"

#include <grpcpp/security/auth_metadata_processor.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "transport/base/mutex.h"

namespace spillway {
namespace {

// Sockets of a slot before it is worth looking which are closed.
constexpr std::size_t kLookAfter = 64;

std::optional<uid_t> KernelPeerUid(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return std::nullopt;
  return peer.uid;
}

}  // namespace

// Writes the slot's id into the context of each connection, at its first call.
class UnixIdentities::Stamp final : public grpc::AuthMetadataProcessor {
 public:
  void Set(uid_t uid) {
    const MutexLock lock(mu_);
    text_ = "uid:" + std::to_string(uid);
  }

  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& /*auth_metadata*/, grpc::AuthContext* context,
                       OutputMetadata* /*consumed*/, OutputMetadata* /*response*/) override {
    // Calls of one connection share its context, which gRPC does not guard. Under the lock the
    // first call writes and all others only look; and a call reads its context only after it has
    // been here, so no read meets the write.
    const MutexLock lock(mu_);
    if (context->FindPropertyValues(kProperty).empty()) context->AddProperty(kProperty, text_);
    return grpc::Status::OK;
  }

 private:
  Mutex mu_;
  std::string text_ SPILLWAY_GUARDED_BY(mu_);
};

UnixIdentities::~UnixIdentities() = default;

void UnixIdentities::Attach(grpc::ServerBuilder& builder, std::size_t slots) {
  slots_.resize(slots);
  for (Slot& slot : slots_) {
    slot.stamp = std::make_shared<Stamp>();
    const auto credentials = grpc::experimental::LocalServerCredentials(UDS);
    credentials->SetAuthMetadataProcessor(slot.stamp);
    slot.acceptor = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, credentials);
  }
}

void UnixIdentities::HandOn(int listener_fd, int fd, Clock::time_point now) {
  const std::optional<uid_t> uid = peer_uid_ != nullptr ? peer_uid_(fd) : KernelPeerUid(fd);
  Slot* slot = uid.has_value() ? SlotFor(*uid, now) : nullptr;
  if (slot == nullptr) {
    ::close(fd);
    std::uint64_t suppressed = 0;
    if (!limiter_.Allow(suppressed)) return;
    Log(LogLevel::kWarning, "connection refused",
        {{"why", uid.has_value() ? "callers of too many users at once" : "no user id"},
         {"suppressed", suppressed}});
    return;
  }
  slot->sockets.Add(fd);
  slot->empty_since.reset();
  if (slot->sockets.size() >= slot->look_at) {
    slot->look_at = 2 * slot->sockets.ForgetClosed() + kLookAfter;
  }
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = listener_fd;
  connection.fd = fd;
  slot->acceptor->HandleNewConnection(&connection);
}

UnixIdentities::Slot* UnixIdentities::SlotFor(uid_t uid, Clock::time_point now) {
  const auto find = [this](std::optional<uid_t> wanted) -> Slot* {
    const auto found = std::find_if(slots_.begin(), slots_.end(),
                                    [wanted](const Slot& slot) { return slot.uid == wanted; });
    return found == slots_.end() ? nullptr : &*found;
  };
  if (Slot* slot = find(uid)) return slot;
  Slot* slot = find(std::nullopt);
  if (slot == nullptr) slot = Reclaim(now);
  if (slot == nullptr) return nullptr;
  slot->uid = uid;
  slot->empty_since.reset();
  slot->stamp->Set(uid);
  return slot;
}

UnixIdentities::Slot* UnixIdentities::Reclaim(Clock::time_point now) {
  Slot* free = nullptr;
  for (Slot& slot : slots_) {
    if (slot.sockets.ForgetClosed() > 0) continue;
    if (!slot.empty_since.has_value()) slot.empty_since = now;
    if (now - *slot.empty_since >= kQuarantine) free = &slot;
  }
  return free;
}

}  // namespace spillway
