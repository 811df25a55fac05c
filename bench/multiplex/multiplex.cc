// Load on Multiplex: streams that each send a batch of calls, wait for all its results, and send
// the next.
//
// The batch is encoded once and sent as it is every time: ids may be used again when their results
// have come. Results are looked at without a parser, so that the load costs little beside what it
// measures. Prints one JSON object; a result that is not a 200 ends it with an error.

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/synchronization/mutex.h"
#include "spillway/v1/egress.pb.h"

namespace spillway {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string target;
  std::string url;
  int connections = 2;
  int streams = 1;  // on each connection
  int batch = 64;   // calls in a message
  long requests = 20000;
};

// Fields of a message: numbers, and contents of length-delimited ones.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  // False at the end or at what this load never gets.
  bool Next() {
    if (rest_.empty()) return false;
    const std::uint64_t tag = Varint();
    number = tag >> 3;
    const std::uint64_t value = Varint();
    text = {};
    if ((tag & 7) == 0) {
      scalar = value;
      return true;
    }
    if ((tag & 7) != 2 || value > rest_.size()) return false;
    text = rest_.substr(0, value);
    rest_.remove_prefix(value);
    return true;
  }

  std::uint64_t number = 0;
  std::uint64_t scalar = 0;
  std::string_view text;

 private:
  std::uint64_t Varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }

  std::string_view rest_;
};

// A Result that is a response with status 200.
bool IsGood(std::string_view result) {
  for (Fields fields(result); fields.Next();) {
    if (fields.number != 2) continue;  // the response
    Fields head(fields.text);
    return head.Next() && head.number == 1 && head.scalar == 200;
  }
  return false;
}

// What all streams share.
class Load {
 public:
  explicit Load(const Options& options) : batch_(options.batch), left_(options.requests) {
    v1::MultiplexRequest message;
    for (int i = 1; i <= options.batch; ++i) {
      v1::Call& call = *message.add_calls();
      call.set_id(static_cast<std::uint64_t>(i));
      v1::HttpRequest& request = *call.mutable_request();
      request.set_method("GET");
      request.set_url(options.url);
      for (const auto& [name, value] :
           {std::pair("Accept", "*/*"), std::pair("User-Agent", "bench/1")}) {
        v1::Header& header = *request.add_headers();
        header.set_name(name);
        header.set_value(value);
      }
    }
    const std::string bytes = message.SerializeAsString();
    const grpc::Slice slice(bytes);
    message_ = grpc::ByteBuffer(&slice, 1);
  }

  int batch() const { return batch_; }
  const grpc::ByteBuffer& message() const { return message_; }
  // Whether another batch is to be sent.
  bool Take() { return left_.fetch_sub(batch_) >= batch_; }

  void StreamStarted() { ++running_; }
  void StreamEnded(const grpc::Status& status, const std::vector<std::int64_t>& latencies,
                   std::uint64_t messages, std::uint64_t bad) {
    const std::lock_guard<std::mutex> lock(mu_);
    if (!status.ok() && error_.empty()) error_ = status.error_message();
    latencies_.insert(latencies_.end(), latencies.begin(), latencies.end());
    messages_ += messages;
    bad_ += bad;
    --running_;
    ended_.notify_all();
  }
  void AwaitAll() {
    std::unique_lock<std::mutex> lock(mu_);
    ended_.wait(lock, [this] { return running_ == 0; });
  }
  int Report(Clock::duration took) {
    const std::lock_guard<std::mutex> lock(mu_);
    if (!error_.empty() || bad_ > 0 || latencies_.empty()) {
      std::fprintf(stderr, "multiplex: %llu bad results; %s\n",
                   static_cast<unsigned long long>(bad_), error_.c_str());
      return EXIT_FAILURE;
    }
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [this](double share) {
      const auto rank = static_cast<std::size_t>(share * static_cast<double>(latencies_.size()));
      return static_cast<double>(latencies_[std::min(rank, latencies_.size() - 1)]) / 1000;
    };
    const auto count = static_cast<double>(latencies_.size());
    const double seconds = std::chrono::duration<double>(took).count();
    std::printf(
        "{\"requests\": %zu, \"seconds\": %.4f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
        "\"results_per_message\": %.2f}\n",
        latencies_.size(), seconds, at(0.5), at(0.99), count / static_cast<double>(messages_));
    return EXIT_SUCCESS;
  }

 private:
  const int batch_;
  grpc::ByteBuffer message_;
  std::atomic<long> left_;
  std::mutex mu_;
  std::condition_variable ended_;
  std::atomic<int> running_{0};
  std::string error_;
  std::vector<std::int64_t> latencies_;  // nanoseconds
  std::uint64_t messages_ = 0;
  std::uint64_t bad_ = 0;
};

// One stream; frees itself when it has ended.
class Stream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  static void Start(grpc::GenericStub& stub, Load& load) {
    auto* stream = new Stream(load);
    load.StreamStarted();
    stub.PrepareBidiStreamingCall(&stream->context_, "/spillway.v1.Egress/Multiplex", {}, stream);
    stream->StartRead(&stream->incoming_);
    stream->SendNext();
    stream->StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    ++messages_;
    const std::int64_t took =
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - sent_).count();
    grpc::Slice whole;
    if (!incoming_.DumpToSingleSlice(&whole).ok()) return;
    Fields results({reinterpret_cast<const char*>(whole.begin()), whole.size()});
    while (results.Next()) {
      bad_ += IsGood(results.text) ? 0 : 1;
      latencies_.push_back(took);
      --outstanding_;
    }
    const bool all = outstanding_ == 0;
    StartRead(&incoming_);
    if (all) HalfOver();
  }
  void OnWriteDone(bool ok) override {
    if (ok) HalfOver();
  }
  void OnDone(const grpc::Status& status) override {
    // Nothing of this may be left when the load hears of the end: main then takes everything down.
    Load& load = load_;
    const std::vector<std::int64_t> latencies = std::move(latencies_);
    const std::uint64_t messages = messages_;
    const std::uint64_t bad = bad_;
    delete this;
    load.StreamEnded(status, latencies, messages, bad);
  }

 private:
  explicit Stream(Load& load) : load_(load) {}

  // A batch is over when gRPC says that it was written, which may come late, and its results have
  // come.
  void HalfOver() {
    if (halves_.fetch_sub(1) == 1) SendNext();
  }
  void SendNext() {
    halves_ = 2;
    if (!load_.Take()) return StartWritesDone();
    outstanding_ = load_.batch();
    sent_ = Clock::now();
    StartWrite(&load_.message());
  }

  Load& load_;
  grpc::ClientContext context_;
  grpc::ByteBuffer incoming_;
  int outstanding_ = 0;
  std::atomic<int> halves_{0};
  Clock::time_point sent_;
  std::vector<std::int64_t> latencies_;
  std::uint64_t messages_ = 0;
  std::uint64_t bad_ = 0;
};

int Run(const Options& options) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  for (int i = 0; i < options.connections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    auto channel =
        grpc::CreateCustomChannel(options.target, grpc::InsecureChannelCredentials(), arguments);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
      std::fprintf(stderr, "multiplex: cannot reach %s\n", options.target.c_str());
      return EXIT_FAILURE;
    }
    stubs.push_back(std::make_unique<grpc::GenericStub>(channel));
  }
  Load load(options);
  const Clock::time_point begun = Clock::now();
  for (const auto& stub : stubs) {
    for (int i = 0; i < options.streams; ++i) Stream::Start(*stub, load);
  }
  load.AwaitAll();
  return load.Report(Clock::now() - begun);
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  spillway::Options options;
  CLI::App app("Sends batches of calls over Multiplex.");
  app.add_option("--target", options.target, "gRPC address")->required();
  app.add_option("--url", options.url, "what every call asks for")->required();
  app.add_option("--connections", options.connections, "to the server")->check(CLI::Range(1, 1000));
  app.add_option("--streams", options.streams, "on each")->check(CLI::Range(1, 1000));
  app.add_option("--batch", options.batch, "calls in a message")->check(CLI::Range(1, 1024));
  app.add_option("--requests", options.requests, "in all")->check(CLI::Range(1L, 100'000'000L));
  CLI11_PARSE(app, argc, argv);
  return spillway::Run(options);
}
