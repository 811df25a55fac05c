#include "tests/origin/board.h"

namespace spillway {

void Board::Signal(const std::string& name) {
  const std::lock_guard lock(mu_);
  ++events_[name];
  changed_.notify_all();
}

bool Board::Await(const std::string& name, std::chrono::milliseconds patience) {
  std::unique_lock lock(mu_);
  changed_.wait_for(lock, patience, [&] { return closed_ || events_.count(name) > 0; });
  return events_.count(name) > 0;
}

bool Board::Signalled(const std::string& name) const {
  const std::lock_guard lock(mu_);
  return events_.count(name) > 0;
}

void Board::Close() {
  const std::lock_guard lock(mu_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace spillway
