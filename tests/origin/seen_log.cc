#include "tests/origin/seen_log.h"

#include <utility>

namespace spillway {

std::uint64_t SeenLog::Open() {
  const std::lock_guard lock(mu_);
  SeenConnection connection;
  connection.number = connections_.size() + 1;
  connections_.push_back(std::move(connection));
  changed_.notify_all();
  return connections_.size();
}

void SeenLog::Change(std::uint64_t connection, const std::function<void(SeenConnection&)>& change) {
  const std::lock_guard lock(mu_);
  change(connections_.at(connection - 1));
  changed_.notify_all();
}

void SeenLog::OnBytes(std::uint64_t connection, std::size_t count, std::uint64_t segments) {
  Change(connection, [&](SeenConnection& seen) {
    seen.bytes += count;
    seen.segments = segments;
  });
}

void SeenLog::OnHead(std::uint64_t connection, const SeenRequest& request) {
  Change(connection, [&](SeenConnection& seen) {
    ++seen.request_count;
    if (keep_requests_) seen.requests.push_back(request);
  });
}

void SeenLog::OnTls(std::uint64_t connection, const SeenTls& tls) {
  Change(connection, [&](SeenConnection& seen) { seen.tls = tls; });
}

void SeenLog::OnHttp2(std::uint64_t connection, const SeenHttp2& http2) {
  Change(connection, [&](SeenConnection& seen) { seen.http2 = http2; });
}

void SeenLog::OnStreamBody(std::uint64_t connection, std::uint32_t stream, std::string_view body,
                           bool complete) {
  if (!keep_requests_) return;
  Change(connection, [&](SeenConnection& seen) {
    for (SeenRequest& request : seen.requests) {
      if (request.stream != stream) continue;
      request.body += body;
      request.body_complete = complete;
    }
  });
}

void SeenLog::OnBody(std::uint64_t connection, std::string_view body, bool complete) {
  if (!keep_requests_) return;
  Change(connection, [&](SeenConnection& seen) {
    if (seen.requests.empty()) return;
    seen.requests.back().body += body;
    seen.requests.back().body_complete = complete;
  });
}

void SeenLog::OnStray(std::uint64_t connection, std::string_view bytes) {
  Change(connection, [&](SeenConnection& seen) {
    if (seen.stray.size() < kMaxStray) seen.stray += bytes.substr(0, kMaxStray);
  });
}

void SeenLog::OnPeerEnd(std::uint64_t connection, PeerEnd end) {
  Change(connection, [&](SeenConnection& seen) {
    if (seen.peer_end != PeerEnd::kOpen) return;
    seen.peer_end = end;
    if (keep_requests_) seen.story.emplace_back(end == PeerEnd::kFin ? "peer FIN" : "peer RST");
  });
}

void SeenLog::OnClosed(std::uint64_t connection) {
  Change(connection, [&](SeenConnection& seen) { seen.closed = true; });
}

void SeenLog::Note(std::uint64_t connection, std::string what) {
  if (!keep_requests_) return;
  Change(connection, [&](SeenConnection& seen) {
    if (seen.story.size() < kMaxStory) seen.story.push_back(std::move(what));
  });
}

std::vector<SeenConnection> SeenLog::Snapshot() const {
  const std::lock_guard lock(mu_);
  return connections_;
}

SeenTls SeenLog::TlsOf(std::uint64_t connection) const {
  const std::lock_guard lock(mu_);
  return connections_.at(connection - 1).tls;
}

std::uint64_t SeenLog::connection_count() const {
  const std::lock_guard lock(mu_);
  return connections_.size();
}

std::uint64_t SeenLog::request_count() const {
  const std::lock_guard lock(mu_);
  std::uint64_t count = 0;
  for (const SeenConnection& seen : connections_) count += seen.request_count;
  return count;
}

bool SeenLog::Await(const std::function<bool(const std::vector<SeenConnection>&)>& done,
                    std::chrono::milliseconds patience) const {
  std::unique_lock lock(mu_);
  return changed_.wait_for(lock, patience, [&] { return done(connections_); });
}

}  // namespace spillway
