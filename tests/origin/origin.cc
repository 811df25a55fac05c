#include "tests/origin/origin.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "tests/origin/listen.h"

namespace spillway {
namespace {

void Raise(int event_fd) {
  const std::uint64_t one = 1;
  if (write(event_fd, &one, sizeof one) != sizeof one) std::abort();
}

OriginOptions WithScript(std::string_view script) {
  OriginOptions options;
  options.scripts.push_back(MustParse(script));
  return options;
}

Script DefaultAnswer(const SeenRequest& request, std::uint64_t /*connection*/) {
  Step step{StepKind::kSend};
  step.text = Answer(200, request.method == "HEAD" ? "" : "served");
  return {std::move(step)};
}

}  // namespace

Script MustParse(std::string_view text) {
  ParsedScript parsed = ParseScript(text);
  if (!parsed.error.empty()) {
    std::fprintf(stderr, "bad script, %s\n", parsed.error.c_str());
    std::abort();
  }
  return std::move(parsed.script);
}

Origin::Origin(std::string_view script) : Origin(WithScript(script)) {}

Origin::Origin(OriginOptions options)
    : options_(std::move(options)),
      log_(options_.keep_requests),
      stop_fd_(eventfd(0, EFD_CLOEXEC)),
      accept_stop_fd_(eventfd(0, EFD_CLOEXEC)) {
  hooks_.handler = options_.handler ? options_.handler : DefaultAnswer;
  hooks_.on_head = options_.on_head;
  hooks_.tls_keys = options_.tls_keys;
  hooks_.http2 = options_.http2;
  if (options_.https) hooks_.tls = MustParse("tls " + options_.tls)[0];
  const BoundSocket bound = BindLoopback(options_.address, options_.port, options_.receive_buffer);
  if (bound.fd < 0) return;
  if (listen(bound.fd, options_.backlog) != 0) {
    close(bound.fd);
    return;
  }
  listen_fd_ = bound.fd;
  port_ = bound.port;
  accept_thread_ = std::thread([this] { AcceptLoop(); });
}

Origin::~Origin() {
  Raise(stop_fd_);
  board_.Close();
  StopListening();
  std::list<std::thread> threads;
  {
    const std::lock_guard lock(threads_mu_);
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
  close(stop_fd_);
  close(accept_stop_fd_);
}

std::string Origin::url(std::string_view path) const {
  const bool v6 = options_.address.find(':') != std::string::npos;
  return (options_.https ? "https://" : "http://") +
         (v6 ? "[" + options_.address + "]" : options_.address) + ":" + std::to_string(port_) +
         std::string(path);
}

void Origin::StopListening() {
  if (!accept_thread_.joinable()) return;
  Raise(accept_stop_fd_);
  accept_thread_.join();
}

void Origin::AcceptLoop() {
  if (!options_.accept_after.empty()) board_.Await(options_.accept_after, std::chrono::hours(1));
  std::array<pollfd, 3> waits = {pollfd{listen_fd_, POLLIN, 0}, pollfd{stop_fd_, POLLIN, 0},
                                 pollfd{accept_stop_fd_, POLLIN, 0}};
  for (;;) {
    poll(waits.data(), waits.size(), -1);
    if (waits[1].revents != 0 || waits[2].revents != 0) break;
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const std::uint64_t number = log_.Open();
    JoinFinished();
    const std::lock_guard lock(threads_mu_);
    threads_.emplace_back();
    const auto at = std::prev(threads_.end());
    *at = std::thread([this, fd, number, at] {
      PlayOne(fd, number);
      const std::lock_guard finished_lock(threads_mu_);
      finished_.push_back(at);
    });
  }
  close(listen_fd_);
}

void Origin::PlayOne(int fd, std::uint64_t number) {
  Peer peer(fd, stop_fd_);
  Player player(peer, log_, number, board_, hooks_);
  player.Run(number <= options_.scripts.size() ? options_.scripts[number - 1] : options_.rest);
}

void Origin::JoinFinished() {
  std::list<std::thread> done;
  {
    const std::lock_guard lock(threads_mu_);
    for (const auto& at : finished_) done.splice(done.end(), threads_, at);
    finished_.clear();
  }
  for (std::thread& thread : done) thread.join();
}

ClosedPort::ClosedPort(const std::string& address, std::uint16_t port) {
  const BoundSocket bound = BindLoopback(address, port);
  fd_ = bound.fd;
  port_ = bound.port;
}

ClosedPort::~ClosedPort() {
  if (fd_ >= 0) close(fd_);
}

SilentPort::SilentPort(const std::string& address, std::uint16_t port) {
  const BoundSocket bound = BindLoopback(address, port);
  if (bound.fd < 0) return;
  if (listen(bound.fd, 0) != 0) {
    close(bound.fd);
    return;
  }
  fd_ = bound.fd;
  port_ = bound.port;
  // A loopback connect that finds room completes inside connect(); the first that stays in progress
  // tells that the queue is full.
  socklen_t size = 0;
  const sockaddr_storage target = LoopbackAddress(address, port_, size);
  for (int i = 0; i < 16; ++i) {
    const int filler = socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (filler < 0) return;
    fillers_.push_back(filler);
    if (connect(filler, reinterpret_cast<const sockaddr*>(&target), size) == 0) continue;
    pollfd wait{filler, POLLOUT, 0};
    if (poll(&wait, 1, 5) == 0) return;
  }
}

SilentPort::~SilentPort() {
  for (const int filler : fillers_) close(filler);
  if (fd_ >= 0) close(fd_);
}

}  // namespace spillway
