#include "server/lifecycle.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "server/log.h"
#include "transport/base/check.h"

namespace spillway {
namespace {

// For calls that hold a server open without being exchanges: health watches, pool watches.
constexpr Duration kServerGrace = std::chrono::milliseconds(300);
constexpr int kSignalExitBase = 128;

sigset_t HandledSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

int PollTimeout(Instant until, Instant now) {
  if (until == kNever) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(Until(until, now)).count();
  return static_cast<int>(std::min<std::int64_t>(left, 60'000));
}

void LogLedger(const CallLedger& ledger) {
  Log(LogLevel::kInfo, "ledger",
      {{"admitted", ledger.admitted},
       {"ok", ledger.ok},
       {"failed", ledger.failed},
       {"cancelled", ledger.cancelled},
       {"refused", ledger.refused},
       {"leaked", ledger.running},
       {"leaked_bytes", ledger.bytes}});
}

}  // namespace

void Lifecycle::BlockSignals() {
  const sigset_t set = HandledSignals();
  SPILLWAY_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  std::signal(SIGPIPE, SIG_IGN);
}

Lifecycle::Lifecycle(const DrainOptions& options) : options_(options) {
  const sigset_t set = HandledSignals();
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  SPILLWAY_CHECK_NOTE(signals_ >= 0 && event_ >= 0, "signalfd, eventfd");
}

Lifecycle::~Lifecycle() {
  ::close(signals_);
  ::close(event_);
}

void Lifecycle::Wake() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(event_, &one, sizeof one));
}

bool Lifecycle::RequestDrain() {
  if (drain_requested_.exchange(true) || draining()) return false;
  Wake();
  return true;
}

Lifecycle::Woken Lifecycle::Wait(Instant until, const Parts& parts) {
  while (true) {
    const Instant now = parts.transport->Now();
    if (until <= now) return Woken::kTimeout;
    std::array<pollfd, 2> polled = {{{signals_, POLLIN, 0}, {event_, POLLIN, 0}}};
    ::poll(polled.data(), polled.size(), PollTimeout(until, now));
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof info) == sizeof info) {
      last_signal_ = static_cast<int>(info.ssi_signo);
      if (last_signal_ != SIGHUP) return Woken::kEndSignal;
      if (parts.reload) parts.reload();
    }
    std::uint64_t count = 0;
    if (::read(event_, &count, sizeof count) == sizeof count) return Woken::kEvent;
  }
}

void Lifecycle::WaitDraining(Instant until, const Parts& parts, const std::function<bool()>& done) {
  while (!done()) {
    switch (Wait(until, parts)) {
      case Woken::kTimeout:
        return;
      case Woken::kEvent:
        break;
      case Woken::kEndSignal:
        Log(LogLevel::kWarning, "second signal: ending now");
        LogLedger(parts.admission->ledger());
        StopLog();
        parts.end_now(kSignalExitBase + last_signal_);
        return;
    }
  }
}

int Lifecycle::Run(const Parts& parts) {
  state_ = State::kReady;
  Log(LogLevel::kInfo, "ready");
  while (!drain_requested_.load()) {
    if (Wait(kNever, parts) == Woken::kEndSignal) {
      Log(LogLevel::kInfo, "signal: draining", {{"signal", strsignal(last_signal_)}});
      break;
    }
  }
  drain_requested_ = true;
  Drain(parts);

  parts.egress->Shutdown(kServerGrace);
  parts.admin->Shutdown(kServerGrace);
  parts.transport->Shutdown();
  state_ = State::kStopped;
  const CallLedger ledger = parts.admission->ledger();
  LogLedger(ledger);
  return ledger.running == 0 ? 0 : 1;
}

void Lifecycle::Drain(const Parts& parts) {
  Transport& transport = *parts.transport;
  state_ = State::kLameDuck;
  parts.egress->SetServing(false);
  parts.admin->SetServing(false);
  if (options_.lame_duck > Duration::zero()) {
    Log(LogLevel::kInfo, "lame duck: still serving");
    WaitDraining(After(transport.Now(), options_.lame_duck), parts, [] { return false; });
  }

  state_ = State::kDraining;
  parts.admission->StopAdmitting([this] { Wake(); });
  parts.egress->StopAccepting();
  transport.Drain([this] {
    drained_ = true;
    Wake();
  });
  Log(LogLevel::kInfo, "draining", {{"running", parts.admission->ledger().running}});
  // Ended calls may still be on their way to callers that read slowly.
  WaitDraining(After(transport.Now(), options_.grace), parts,
               [&] { return drained_.load() && parts.admission->ledger().running == 0; });
  if (!drained_.load()) {
    Log(LogLevel::kWarning, "grace time is over: cancelling what still runs",
        {{"running", parts.admission->ledger().running}});
    transport.Shutdown();
  }
}

}  // namespace spillway
