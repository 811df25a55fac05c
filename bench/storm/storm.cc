// Requests at a constant rate of which a share runs out of time, and what becomes of the others.
//
// It is an open-loop caller: requests leave when they are due, whatever became of those before. A
// share of them goes to a URL that never answers and has a short deadline; the others go to one
// that answers at once and have a long one. Works for any server of the contract. Prints one JSON
// object.

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/synchronization/mutex.h"
#include "spillway/v1/egress.grpc.pb.h"

namespace spillway {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string target;
  std::string url;
  std::string slow_url;
  double rate = 1000;
  double seconds = 5;
  double share = 0.01;
  int slow_ms = 20;      // deadline of those that never get an answer
  int patient_ms = 500;  // of the others
  int channels = 4;
};

class Outcomes {
 public:
  void Started() {
    const std::lock_guard<std::mutex> lock(mu_);
    ++running_;
  }
  void Ended(bool slow, bool good, std::chrono::nanoseconds took) {
    const std::lock_guard<std::mutex> lock(mu_);
    if (slow) {
      ++slow_;
    } else {
      ++others_;
      good_ += good ? 1 : 0;
      took_.push_back(took);
    }
    if (--running_ == 0) idle_.notify_all();
  }
  void AwaitAll() {
    std::unique_lock<std::mutex> lock(mu_);
    idle_.wait(lock, [this] { return running_ == 0; });
  }
  void Print(double behind_ms) {
    const std::lock_guard<std::mutex> lock(mu_);
    std::sort(took_.begin(), took_.end());
    const auto at = [this](double share) {
      const auto rank = static_cast<std::size_t>(share * static_cast<double>(took_.size()));
      return std::chrono::duration<double, std::micro>(took_[std::min(rank, took_.size() - 1)])
          .count();
    };
    std::printf(
        "{\"others\": %llu, \"good\": %llu, \"slow\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
        "\"sender_behind_ms\": %.2f}\n",
        static_cast<unsigned long long>(others_), static_cast<unsigned long long>(good_),
        static_cast<unsigned long long>(slow_), at(0.5), at(0.99), behind_ms);
  }

 private:
  std::mutex mu_;
  std::condition_variable idle_;
  std::uint64_t running_ = 0;
  std::uint64_t slow_ = 0;
  std::uint64_t others_ = 0;
  std::uint64_t good_ = 0;
  std::vector<std::chrono::nanoseconds> took_;
};

// One call; frees itself when it has ended.
struct Call {
  grpc::ClientContext context;
  v1::HttpResponse response;
  Clock::time_point begun;
  bool slow = false;
};

void Start(v1::Egress::Stub& stub, const v1::HttpRequest& request, bool slow, int deadline_ms,
           Outcomes& outcomes) {
  auto* call = new Call;
  call->slow = slow;
  call->context.set_deadline(std::chrono::system_clock::now() +
                             std::chrono::milliseconds(deadline_ms));
  outcomes.Started();
  call->begun = Clock::now();
  stub.async()->RoundTrip(&call->context, &request, &call->response,
                          [call, &outcomes](const grpc::Status& status) {
                            const auto took = Clock::now() - call->begun;
                            const bool good = status.ok() && call->response.status() == 200;
                            const bool was_slow = call->slow;
                            delete call;
                            outcomes.Ended(was_slow, good, took);
                          });
}

int Run(const Options& options) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::vector<std::unique_ptr<v1::Egress::Stub>> stubs;
  for (int i = 0; i < options.channels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto channel =
        grpc::CreateCustomChannel(options.target, grpc::InsecureChannelCredentials(), arguments);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      std::fprintf(stderr, "storm: cannot reach %s\n", options.target.c_str());
      return EXIT_FAILURE;
    }
    stubs.push_back(v1::Egress::NewStub(channel));
  }
  v1::HttpRequest quick;
  quick.set_method("GET");
  quick.set_url(options.url);
  v1::HttpRequest slow = quick;
  slow.set_url(options.slow_url);
  Outcomes outcomes;
  const auto gap = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(1.0 / options.rate));
  const auto count = static_cast<std::uint64_t>(options.rate * options.seconds);
  const auto every =
      options.share > 0 ? static_cast<std::uint64_t>(1.0 / options.share) : UINT64_MAX;
  const Clock::time_point begun = Clock::now();
  Clock::duration behind{};
  for (std::uint64_t i = 0; i < count; ++i) {
    const Clock::time_point due = begun + gap * i;
    std::this_thread::sleep_until(due);
    behind = std::max(behind, Clock::now() - due);
    const bool is_slow = i % every == every - 1;
    Start(*stubs[i % stubs.size()], is_slow ? slow : quick, is_slow,
          is_slow ? options.slow_ms : options.patient_ms, outcomes);
  }
  outcomes.AwaitAll();
  outcomes.Print(std::chrono::duration<double, std::milli>(behind).count());
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  spillway::Options options;
  CLI::App app("Sends requests at a constant rate, of which a share runs out of time.");
  app.add_option("--target", options.target, "gRPC address")->required();
  app.add_option("--url", options.url, "answers at once")->required();
  app.add_option("--slow_url", options.slow_url, "never answers")->required();
  app.add_option("--rate", options.rate, "requests a second")->check(CLI::Range(1.0, 1e6));
  app.add_option("--seconds", options.seconds, "for how long")->check(CLI::Range(0.1, 600.0));
  app.add_option("--share", options.share, "that runs out of time")->check(CLI::Range(0.0, 0.5));
  app.add_option("--slow_ms", options.slow_ms, "deadline of that share");
  app.add_option("--patient_ms", options.patient_ms, "deadline of the others");
  app.add_option("--channels", options.channels, "connections to the server");
  CLI11_PARSE(app, argc, argv);
  return spillway::Run(options);
}
