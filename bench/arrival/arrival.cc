// RoundTrips at a constant rate, whatever becomes of those before: what callers wait when they do
// not wait for each other.
//
// A request's time counts from the moment it was due, so that a server that holds up the sender
// does not hide it. The message comes from a file and is sent as it is; answers are looked at
// without a parser. Prints one JSON object. Calls that the server refuses for want of room
// (RESOURCE_EXHAUSTED) are counted and have no time; any other answer that is no 200 is an error.

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/synchronization/mutex.h"

namespace spillway {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string target;
  std::string message;
  double rate = 1000;
  double seconds = 5;
  double warm_up = 1;  // seconds that are not counted
  int channels = 8;
};

// What all calls share.
class Outcomes {
 public:
  explicit Outcomes(std::size_t count) { took_.reserve(count); }

  void Started() {
    const std::lock_guard<std::mutex> lock(mu_);
    ++running_;
  }
  void Ended(const grpc::Status& status, bool good, bool counts, Clock::duration took) {
    const std::lock_guard<std::mutex> lock(mu_);
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
      ++refused_;
      counts = false;
    } else if (!good && bad_++ == 0) {
      error_ = status.ok() ? "no 200" : status.error_message();
    }
    if (counts) took_.push_back(took);
    if (--running_ == 0) idle_.notify_all();
  }
  void AwaitAll() {
    std::unique_lock<std::mutex> lock(mu_);
    idle_.wait(lock, [this] { return running_ == 0; });
  }
  int Report(Clock::duration behind) {
    const std::lock_guard<std::mutex> lock(mu_);
    if (bad_ > 0 || took_.empty()) {
      std::fprintf(stderr, "arrival: %llu bad answers; %s\n", static_cast<unsigned long long>(bad_),
                   error_.c_str());
      return EXIT_FAILURE;
    }
    std::sort(took_.begin(), took_.end());
    const auto at = [this](double share) {
      const auto rank = static_cast<std::size_t>(share * static_cast<double>(took_.size()));
      return std::chrono::duration<double, std::micro>(took_[std::min(rank, took_.size() - 1)])
          .count();
    };
    std::printf(
        "{\"requests\": %zu, \"refused\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": "
        "%.1f, "
        "\"sender_behind_us\": %.1f}\n",
        took_.size(), static_cast<unsigned long long>(refused_), at(0.5), at(0.99), at(0.999),
        std::chrono::duration<double, std::micro>(behind).count());
    return EXIT_SUCCESS;
  }

 private:
  std::mutex mu_;
  std::condition_variable idle_;
  std::uint64_t running_ = 0;
  std::uint64_t bad_ = 0;
  std::uint64_t refused_ = 0;
  std::string error_;  // of the first
  std::vector<Clock::duration> took_;
};

// An HttpResponse begins with its status.
bool IsGood(const grpc::ByteBuffer& answer) {
  grpc::Slice bytes;
  if (!answer.DumpToSingleSlice(&bytes).ok() || bytes.size() < 3) return false;
  return bytes.begin()[0] == 0x08 && bytes.begin()[1] == 0xc8 && bytes.begin()[2] == 0x01;
}

// One call; frees itself when it has ended.
struct Call {
  grpc::ClientContext context;
  grpc::ByteBuffer answer;
};

void Start(grpc::GenericStub& stub, const grpc::ByteBuffer& message, Clock::time_point due,
           bool counts, Outcomes& outcomes) {
  auto* call = new Call;
  outcomes.Started();
  stub.UnaryCall(&call->context, "/spillway.v1.Egress/RoundTrip", {}, &message, &call->answer,
                 [call, due, counts, &outcomes](const grpc::Status& status) {
                   const Clock::duration took = Clock::now() - due;
                   const bool good = status.ok() && IsGood(call->answer);
                   delete call;
                   outcomes.Ended(status, good, counts, took);
                 });
}

int Run(const Options& options) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  for (int i = 0; i < options.channels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto channel =
        grpc::CreateCustomChannel(options.target, grpc::InsecureChannelCredentials(), arguments);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      std::fprintf(stderr, "arrival: cannot reach %s\n", options.target.c_str());
      return EXIT_FAILURE;
    }
    stubs.push_back(std::make_unique<grpc::GenericStub>(channel));
  }
  std::ostringstream file;
  file << std::ifstream(options.message, std::ios::binary).rdbuf();
  const grpc::Slice slice(file.str());
  const grpc::ByteBuffer message(&slice, 1);
  const auto uncounted = static_cast<std::uint64_t>(options.rate * options.warm_up);
  const auto count = uncounted + static_cast<std::uint64_t>(options.rate * options.seconds);
  Outcomes outcomes(count);
  const std::chrono::duration<double> gap(1.0 / options.rate);
  const Clock::time_point begun = Clock::now();
  Clock::duration behind{};
  for (std::uint64_t i = 0; i < count; ++i) {
    const Clock::time_point due =
        begun + std::chrono::duration_cast<Clock::duration>(gap * static_cast<double>(i));
    std::this_thread::sleep_until(due);
    if (i >= uncounted) behind = std::max(behind, Clock::now() - due);
    Start(*stubs[i % stubs.size()], message, due, i >= uncounted, outcomes);
  }
  outcomes.AwaitAll();
  return outcomes.Report(behind);
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  spillway::Options options;
  CLI::App app("Sends RoundTrips at a constant rate.");
  app.add_option("--target", options.target, "gRPC address")->required();
  app.add_option("--message", options.message, "file with the encoded HttpRequest")->required();
  app.add_option("--rate", options.rate, "requests a second")->check(CLI::Range(1.0, 1e6));
  app.add_option("--seconds", options.seconds, "that are counted")->check(CLI::Range(0.1, 3600.0));
  app.add_option("--warm_up", options.warm_up, "seconds before")->check(CLI::Range(0.0, 600.0));
  app.add_option("--channels", options.channels, "connections")->check(CLI::Range(1, 1000));
  CLI11_PARSE(app, argc, argv);
  return spillway::Run(options);
}
