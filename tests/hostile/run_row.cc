#include "tests/hostile/run_row.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "tests/harness/await.h"
#include "tests/harness/collecting_sink.h"
#include "tests/harness/counting_observer.h"
#include "tests/harness/test_body.h"
#include "tests/harness/test_tls.h"
#include "tests/hostile/judge.h"
#include "tests/origin/origin.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

constexpr std::string_view kPortMark = "$PORT";

OriginOptions OriginOf(const Row& row) {
  OriginOptions options;
  const std::uint64_t last = row.scripts.empty() ? 0 : row.scripts.rbegin()->first;
  options.scripts.resize(last);
  for (const auto& [number, script] : row.scripts) options.scripts[number - 1] = script;
  for (const auto& [key, value] : row.options) {
    if (key == "small_window") options.receive_buffer = 4096;
    if (key == "https" || key == "h2") options.https = true;
    if (key == "h2") options.tls += " alpn=h2,http/1.1";
    if (key == "h2c") options.http2 = true;
    if (key == "tls") options.tls += " " + value;
  }
  if (options.https) options.tls_keys = TestTls().keys;
  return options;
}

// Names of rows mean this machine.
int Localhost(const std::string& /*host*/, std::vector<std::string>& addresses) {
  addresses = {"127.0.0.1"};
  return 0;
}

// What h2c needs of a policy.
std::vector<std::pair<std::string, std::string>> SettingsOf(const Row& row) {
  auto settings = row.policy;
  for (const auto& [key, value] : row.options) {
    if (key == "h2c") settings.emplace_back("protocol", "h2c");
  }
  return settings;
}

// Everything one row needs.
class World {
 public:
  explicit World(const Row& row)
      : row_(row), origin_(OriginOf(row)), observer_(std::make_shared<CountingObserver>()) {
    TransportOptions options;
    policy_ = PolicyOf(SettingsOf(row), complaints_);
    // Warm-ups and the probe are not what the row's short timeouts are for.
    patient_policy_ = PolicyOf(WithoutTimeouts(SettingsOf(row)), complaints_);
    options.policy = patient_policy_;
    options.observer = observer_;
    options.limits.loops = 1;
    options.limits.resolver_threads = 1;
    options.limits.max_connections = 1000;
    if (UsesNames()) options.lookup = Localhost;
    if (complaints_.empty()) transport_ = Transport::Create(std::move(options));
  }
  ~World() {
    if (transport_ != nullptr) transport_->Shutdown();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::vector<std::string> Run() {
    if (transport_ == nullptr) return complaints_;
    for (std::uint64_t i = 0; i < row_.warm; ++i) Plain("/warm");
    Do(row_.before);
    transport_->SetPolicy(policy_);
    sink_ = MakeSink();
    Request request = MakeRequest();
    handle_ = transport_->Start(std::move(request), sink_);
    Do(row_.during);
    if (!sink_->AwaitEnd()) {
      complaints_.push_back("no end in time");
      transport_->Shutdown();
      return complaints_;
    }
    transport_->SetPolicy(patient_policy_);
    origin_.board().Signal("ended");
    Do(row_.after);
    Judge judge(row_, sink_->story());
    judge.CheckCaller();
    AwaitClosing();
    const std::vector<SeenConnection> before_probe = origin_.seen();
    std::uint64_t probe_on = 0;
    if (!row_.expectation.facts.contains("no_probe")) probe_on = Probe();
    judge.CheckOrigin(before_probe, origin_.seen(), probe_on);
    CheckObserver();
    CheckNothingLeft();
    for (const std::string& complaint : judge.complaints()) complaints_.push_back(complaint);
    return complaints_;
  }

 private:
  std::shared_ptr<CollectingSink> MakeSink() const {
    CollectingSink::Options options;
    options.pause = Option("pause").has_value();
    return std::make_shared<CollectingSink>(options);
  }

  std::optional<std::string> Option(std::string_view name) const {
    for (const auto& [key, value] : row_.options) {
      if (key == name) return value;
    }
    return std::nullopt;
  }

  std::uint64_t NumberOption(std::string_view name) {
    const auto text = Option(name);
    if (!text.has_value()) return 0;
    const auto value = ReadNumber(*text);
    if (!value.has_value()) complaints_.push_back("option " + std::string(name) + ": bad number");
    return value.value_or(0);
  }

  std::optional<Duration> TimeOption(std::string_view name) {
    const auto text = Option(name);
    if (!text.has_value()) return std::nullopt;
    const auto value = ReadMicros(*text);
    if (!value.has_value()) complaints_.push_back("option " + std::string(name) + ": bad time");
    return std::chrono::microseconds(value.value_or(0));
  }

  // The origin's certificates are for a name.
  bool UsesNames() const { return Option("https").has_value() || Option("h2").has_value(); }

  std::string UrlOf(std::string_view path) const {
    if (!UsesNames()) return origin_.url(path);
    return "https://origin.test:" + std::to_string(origin_.port()) + std::string(path);
  }

  std::string Url() const {
    if (!row_.url.has_value()) return UrlOf(row_.path);
    std::string url = *row_.url;
    const std::size_t at = url.find(kPortMark);
    if (at != std::string::npos) url.replace(at, kPortMark.size(), std::to_string(origin_.port()));
    return url;
  }

  std::unique_ptr<BodySource> MakeBody() {
    if (!row_.body.has_value()) return nullptr;
    if (!Option("stream").has_value()) return MemoryBody(*row_.body);
    StreamedBody::Options options;
    options.bytes = *row_.body;
    options.piece = static_cast<std::size_t>(NumberOption("stream"));
    options.replayable = Option("replayable").has_value();
    options.fails = Option("body_fails").has_value();
    if (Option("length").has_value()) options.length = NumberOption("length");
    return std::make_unique<StreamedBody>(std::move(options));
  }

  Request MakeRequest() {
    Request request;
    request.method = row_.method;
    request.url = Url();
    request.request_target = row_.target;
    for (const auto& [name, value] : row_.headers) request.headers.Add(name, value);
    for (std::uint64_t i = 1; i < NumberOption("many_headers"); ++i) request.headers.Add("X", "y");
    request.body = MakeBody();
    if (const auto in = TimeOption("deadline"); in.has_value()) {
      request.deadline = After(transport_->Now(), *in);
    }
    request.response_header_timeout = TimeOption("header_timeout").value_or(Duration::zero());
    request.max_attempts = static_cast<std::uint32_t>(NumberOption("max_attempts"));
    request.max_response_bytes = NumberOption("max_response");
    request.fresh_connection = Option("fresh").has_value();
    request.streamed = Option("streamed").has_value();
    request.want_timeline = true;
    if (Option("idempotent").has_value()) request.idempotency = Idempotency::kIdempotent;
    if (Option("not_idempotent").has_value()) request.idempotency = Idempotency::kNotIdempotent;
    return request;
  }

  // Warm-ups and the probe go where the row's request goes.
  std::string PlainUrl(std::string_view path) const {
    if (!UsesNames() || !row_.url.has_value()) return UrlOf(path);
    const std::string url = Url();
    return url.substr(0, url.find('/', std::string_view("https://").size())) + std::string(path);
  }

  // A plain GET that must go well.
  void Plain(std::string_view path) {
    Request request;
    request.url = PlainUrl(path);
    auto sink = std::make_shared<CollectingSink>();
    const auto handle = transport_->Start(std::move(request), sink);
    const bool ended = sink->AwaitEnd();
    const Story story = sink->story();
    if (!ended || !story.ok() || story.head->status != 200 || story.body != "served") {
      complaints_.push_back(std::string(path) + " went wrong: " + story.Text() +
                            " body=" + Escape(story.body));
    }
  }

  // On which connection of the origin the probe arrived.
  std::uint64_t Probe() {
    // A failed dial holds back the next one for a moment.
    AwaitThat([this] {
      const auto pools = transport_->Snapshot();
      return std::none_of(pools.begin(), pools.end(),
                          [](const PoolSnapshot& pool) { return pool.state.backing_off; });
    });
    Plain("/probe");
    for (const SeenConnection& seen : origin_.seen()) {
      for (const SeenRequest& request : seen.requests) {
        if (request.target == "/probe") return seen.number;
      }
    }
    complaints_.emplace_back("the probe did not arrive");
    return 0;
  }

  void Do(const std::vector<RowAction>& actions) {
    for (const RowAction& action : actions) {
      if (!DoOne(action))
        complaints_.push_back("did not happen: " + action.verb + " " + action.argument);
    }
  }

  bool DoOne(const RowAction& action) {
    const std::uint64_t number = ReadNumber(action.argument).value_or(0);
    if (action.verb == "await") return origin_.board().Await(action.argument);
    if (action.verb == "await_head") return sink_->AwaitHead();
    if (action.verb == "await_body") return sink_->AwaitBody(number);
    if (action.verb == "await_1xx") return sink_->AwaitInformational(number);
    if (action.verb == "await_gone") {
      return origin_.log().Await([number](const auto& seen) {
        return seen.size() >= number && seen[number - 1].peer_end != PeerEnd::kOpen;
      });
    }
    if (action.verb == "await_gone_by_origin") {
      return origin_.log().Await(
          [number](const auto& seen) { return seen.size() >= number && seen[number - 1].closed; });
    }
    if (action.verb == "await_not_idle") {
      return AwaitThat([this] { return Sum(&HostPoolSnapshot::idle) == 0; });
    }
    if (action.verb == "await_idle") {
      return AwaitThat([&] { return Sum(&HostPoolSnapshot::idle) == number; });
    }
    if (action.verb == "await_connection") {
      return origin_.log().Await([number](const auto& seen) { return seen.size() >= number; });
    }
    if (action.verb == "signal") {
      origin_.board().Signal(action.argument);
    } else if (action.verb == "cancel") {
      handle_->Cancel();
    } else if (action.verb == "resume") {
      handle_->Resume();
    } else if (action.verb == "stop_listening") {
      origin_.StopListening();
    } else if (action.verb == "close_idle") {
      transport_->CloseIdleConnections("");
    } else {
      return false;
    }
    return true;
  }

  std::uint64_t Sum(std::uint32_t HostPoolSnapshot::*level) const {
    std::uint64_t sum = 0;
    for (const PoolSnapshot& pool : transport_->Snapshot()) sum += pool.state.*level;
    return sum;
  }

  // Connections that must not live on are gone before the probe looks for one.
  void AwaitClosing() {
    if (!Judge::MustClose(row_.expectation)) return;
    const std::uint64_t keep = row_.expectation.outcome == Outcome::kRetried ? 1 : 0;
    const bool gone = origin_.log().Await([keep](const auto& seen) {
      const auto open = std::count_if(seen.begin(), seen.end(), [](const SeenConnection& one) {
        return !one.closed && one.peer_end == PeerEnd::kOpen;
      });
      return static_cast<std::uint64_t>(open) <= keep;
    });
    if (!gone) complaints_.emplace_back("the connection was not closed");
  }

  void CheckObserver() {
    for (const auto& [fact, value] : row_.expectation.facts) {
      const auto count = [&](const std::map<std::string, std::uint64_t> ObserverCounts::*of) {
        return AwaitThat([&] { return (observer_->counts().*of).contains(value); });
      };
      bool seen = true;
      if (fact == "closed") seen = count(&ObserverCounts::closed);
      if (fact == "stale") seen = count(&ObserverCounts::stale);
      if (fact == "retries") seen = count(&ObserverCounts::retries);
      if (fact == "suppressed") seen = count(&ObserverCounts::suppressed);
      if (fact == "rejected") seen = count(&ObserverCounts::rejected);
      if (!seen) complaints_.push_back("the observer never heard of " + fact + "=" + value);
    }
  }

  void CheckNothingLeft() {
    const bool empty = AwaitThat([this] {
      return Sum(&HostPoolSnapshot::active) == 0 && Sum(&HostPoolSnapshot::waiting) == 0 &&
             transport_->active_round_trips() == 0;
    });
    if (!empty) complaints_.emplace_back("something stayed active or waiting");
  }

  const Row& row_;
  Origin origin_;
  std::vector<std::string> complaints_;
  std::shared_ptr<CountingObserver> observer_;
  std::shared_ptr<const Policy> policy_;
  std::shared_ptr<const Policy> patient_policy_;
  std::unique_ptr<Transport> transport_;
  std::shared_ptr<CollectingSink> sink_;
  std::shared_ptr<RoundTripHandle> handle_;
};

}  // namespace

std::vector<std::string> RunRow(const Row& row) { return World(row).Run(); }

}  // namespace spillway
