#include "tests/ledger/transport_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "tests/harness/test_body.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

constexpr const char* kDeniedAddress = "127.0.0.9";

bool Allowed(const ::sockaddr* address, unsigned length) {
  sockaddr_in in{};
  in_addr denied{};
  inet_pton(AF_INET, kDeniedAddress, &denied);
  std::memcpy(&in, address, std::min<std::size_t>(length, sizeof in));
  return in.sin_addr.s_addr != denied.s_addr;
}

void Fill(CallerEntry& entry, const Story& story) {
  entry.ends = story.ends + static_cast<std::uint32_t>(story.violations.size());
  const RoundTripRecord& record = story.record;
  entry.attempts = record.attempts;
  entry.failed_attempts_logged = static_cast<std::uint32_t>(
      std::count_if(record.attempt_log.begin(), record.attempt_log.end(),
                    [](const AttemptRecord& attempt) { return attempt.error != Reason::kNone; }));
  if (record.failure.has_value()) {
    entry.reason = Label(record.failure->reason);
    entry.delivery = Label(record.failure->delivery);
    return;
  }
  if (story.head->status != 200) {
    entry.reason = "status_" + std::to_string(story.head->status);
    entry.delivery = "answered";
    return;
  }
  entry.ok = true;
  entry.echoed_id = story.head->headers.Find("X-Id").value_or("");
  entry.echoed_digest = ReadNumber(story.head->headers.Find("X-Digest").value_or("")).value_or(0);
  entry.response_body_right = story.body == ResponseBodyOf(entry.id);
}

}  // namespace

TestClient::Options TransportLoadClient::DefaultOptions() {
  TestClient::Options options;
  options.limits.loops = 2;
  options.destination.timeouts.response_header = milliseconds(150);
  options.destination.pool.backoff_initial = milliseconds(1);
  options.destination.pool.backoff_max = milliseconds(5);
  options.address_allowed = Allowed;
  options.lookup = [](const std::string& host, std::vector<std::string>& addresses) {
    addresses = {host == "denied.test" ? kDeniedAddress : "127.0.0.1"};
    return 0;
  };
  return options;
}

TransportLoadClient::TransportLoadClient(std::uint16_t port)
    : TransportLoadClient(
          DefaultOptions(),
          [port](const LoadRequest& load) {
            return std::string("http://") + (load.denied ? "denied.test" : "127.0.0.1") + ":" +
                   std::to_string(port);
          },
          [](const LoadRequest&, const Story&) {}) {}

TransportLoadClient::TransportLoadClient(TestClient::Options options, BaseOf base, Hear hear)
    : base_(std::move(base)), hear_(std::move(hear)), client_(std::move(options)) {}

CallerEntry TransportLoadClient::Send(const LoadRequest& load) {
  CallerEntry entry = EntryOf(load);
  Request request;
  request.method = load.method;
  request.url = base_(load) + "/" + load.id;
  if (load.idempotency_key) request.headers.Add("Idempotency-Key", load.id);
  if (!load.body.empty()) request.body = MemoryBody(load.body);
  if (load.deadline_us.has_value()) {
    request.deadline =
        After(client_.transport().Now(), std::chrono::microseconds(*load.deadline_us));
  }
  const Call call = client_.Start(std::move(request));
  if (load.cancel_after_yields.has_value()) {
    for (std::uint32_t i = 0; i < *load.cancel_after_yields; ++i) std::this_thread::yield();
    call.handle->Cancel();
  }
  const Story story = call.Finish();
  Fill(entry, story);
  hear_(load, story);
  return entry;
}

}  // namespace spillway
