// Sends more than a destination can take and measures how soon the surplus is refused.
//
// It is an origin that holds each request for a fixed time, and an open-loop caller: requests leave
// at a constant rate whatever becomes of those before, as a crowd of independent callers would send
// them. Latency is from the call to its end, by outcome. Prints one JSON object.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/synchronization/mutex.h"
#include "spillway/v1/egress.grpc.pb.h"
#include "tests/origin/origin.h"

namespace spillway {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string target;
  double rate = 1000;
  double seconds = 5;
  int hold_ms = 50;
  int channels = 4;
};

OriginOptions SlowOrigin(std::chrono::milliseconds hold) {
  OriginOptions options;
  options.keep_requests = false;
  options.handler = [hold](const SeenRequest&, std::uint64_t) {
    std::this_thread::sleep_for(hold);
    Step send;
    send.kind = StepKind::kSend;
    send.text = Answer(200, "hello world\n");
    return Script{std::move(send)};
  };
  return options;
}

// Latencies by gRPC status code.
class Outcomes {
 public:
  void Started() {
    const std::lock_guard<std::mutex> lock(mu_);
    ++running_;
  }
  void Ended(int code, std::chrono::nanoseconds took) {
    const std::lock_guard<std::mutex> lock(mu_);
    took_[code].push_back(took);
    if (--running_ == 0) idle_.notify_all();
  }
  void AwaitAll() {
    std::unique_lock<std::mutex> lock(mu_);
    idle_.wait(lock, [this] { return running_ == 0; });
  }
  void Print(std::uint64_t origin_requests, double behind_ms) {
    const std::lock_guard<std::mutex> lock(mu_);
    std::printf("{\"origin_requests\": %llu, \"sender_behind_ms\": %.2f, \"codes\": {",
                static_cast<unsigned long long>(origin_requests), behind_ms);
    const char* comma = "";
    for (auto& [code, took] : took_) {
      std::sort(took.begin(), took.end());
      const auto at = [&took = took](double share) {
        const auto rank = static_cast<std::size_t>(share * static_cast<double>(took.size()));
        return std::chrono::duration<double, std::micro>(took[std::min(rank, took.size() - 1)])
            .count();
      };
      std::printf(
          "%s\"%d\": {\"count\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}", comma,
          code, took.size(), at(0.5), at(0.99), at(1.0));
      comma = ", ";
    }
    std::puts("}}");
  }

 private:
  std::mutex mu_;
  std::condition_variable idle_;
  std::uint64_t running_ = 0;
  std::map<int, std::vector<std::chrono::nanoseconds>> took_;
};

// One call; frees itself when it has ended.
struct Call {
  grpc::ClientContext context;
  v1::HttpResponse response;
  Clock::time_point begun;
};

void Start(v1::Egress::Stub& stub, const v1::HttpRequest& request, Outcomes& outcomes) {
  auto* call = new Call;
  outcomes.Started();
  call->begun = Clock::now();
  stub.async()->RoundTrip(&call->context, &request, &call->response,
                          [call, &outcomes](const grpc::Status& status) {
                            const auto took = Clock::now() - call->begun;
                            delete call;
                            outcomes.Ended(static_cast<int>(status.error_code()), took);
                          });
}

int Run(const Options& options) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const Origin origin(SlowOrigin(std::chrono::milliseconds(options.hold_ms)));
  std::vector<std::unique_ptr<v1::Egress::Stub>> stubs;
  for (int i = 0; i < options.channels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto channel =
        grpc::CreateCustomChannel(options.target, grpc::InsecureChannelCredentials(), arguments);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      std::fprintf(stderr, "overload: cannot reach %s\n", options.target.c_str());
      return EXIT_FAILURE;
    }
    stubs.push_back(v1::Egress::NewStub(channel));
  }
  v1::HttpRequest request;
  request.set_url(origin.url("/"));
  Outcomes outcomes;
  const auto gap = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(1.0 / options.rate));
  const auto count = static_cast<std::uint64_t>(options.rate * options.seconds);
  const Clock::time_point begun = Clock::now();
  Clock::duration behind{};
  for (std::uint64_t i = 0; i < count; ++i) {
    const Clock::time_point due = begun + gap * i;
    std::this_thread::sleep_until(due);
    behind = std::max(behind, Clock::now() - due);
    Start(*stubs[i % stubs.size()], request, outcomes);
  }
  outcomes.AwaitAll();
  outcomes.Print(origin.log().request_count(),
                 std::chrono::duration<double, std::milli>(behind).count());
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  spillway::Options options;
  CLI::App app("Sends more than a destination can take.");
  app.add_option("--target", options.target, "the daemon's gRPC address")->required();
  app.add_option("--rate", options.rate, "requests a second")->check(CLI::Range(1.0, 1e6));
  app.add_option("--seconds", options.seconds, "for how long")->check(CLI::Range(0.1, 600.0));
  app.add_option("--hold_ms", options.hold_ms, "how long the origin holds a request");
  app.add_option("--channels", options.channels, "connections to the daemon");
  CLI11_PARSE(app, argc, argv);
  return spillway::Run(options);
}
