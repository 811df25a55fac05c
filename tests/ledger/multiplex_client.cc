#include "tests/ledger/multiplex_client.h"

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "spillway/v1/egress.grpc.pb.h"
#include "tests/ledger/wire_entry.h"

namespace spillway {
namespace {

constexpr std::size_t kStreams = 3;

}  // namespace

class MultiplexLoadClient::Stream {
 public:
  explicit Stream(const std::string& address)
      : stub_(
            v1::Egress::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))),
        rpc_(stub_->Multiplex(&context_)),
        reader_([this] { ReadAll(); }) {}
  ~Stream() { End(); }

  // Waits for the result; `cancel_after_yields` as LoadRequest has it.
  v1::Result Call(v1::HttpRequest request, const LoadRequest& load, std::uint32_t& ends) {
    std::uint64_t id = 0;
    {
      std::unique_lock<std::mutex> lock(mu_);
      id = ++last_id_;
      v1::Call& call = *next_.add_calls();
      call.set_id(id);
      *call.mutable_request() = std::move(request);
      waiting_.emplace(id, Outcome());
      WriteGathered(lock);
    }
    if (load.cancel_after_yields.has_value()) {
      for (std::uint32_t i = 0; i < *load.cancel_after_yields; ++i) std::this_thread::yield();
      std::unique_lock<std::mutex> lock(mu_);
      next_.add_cancels(id);
      WriteGathered(lock);
    }
    std::unique_lock<std::mutex> lock(mu_);
    Outcome& outcome = waiting_.at(id);
    came_.wait(lock, [&] { return outcome.ends > 0 || over_; });
    ends = outcome.ends;
    v1::Result result = std::move(outcome.result);
    outcome.taken = true;  // and kept, so that a second result is noticed
    return result;
  }

  std::string End() {
    if (!reader_.joinable()) return "";
    rpc_->WritesDone();
    reader_.join();
    const grpc::Status status = rpc_->Finish();
    if (!status.ok()) return "a stream ended with: " + status.error_message();
    return surprise_;
  }

 private:
  struct Outcome {
    std::uint32_t ends = 0;
    bool taken = false;
    v1::Result result;
  };

  void WriteGathered(std::unique_lock<std::mutex>& lock) {
    if (writing_) return;
    writing_ = true;
    while (next_.calls_size() + next_.cancels_size() > 0) {
      v1::MultiplexRequest message;
      message.Swap(&next_);
      lock.unlock();
      rpc_->Write(message);
      lock.lock();
    }
    writing_ = false;
  }

  void ReadAll() {
    v1::MultiplexResponse message;
    while (rpc_->Read(&message)) {
      const std::lock_guard<std::mutex> lock(mu_);
      for (v1::Result& result : *message.mutable_results()) {
        const auto found = waiting_.find(result.id());
        if (found == waiting_.end()) {
          surprise_ = "a result for an id that was never sent";
          continue;
        }
        if (++found->second.ends > 1) surprise_ = "a second result for an id";
        if (!found->second.taken) found->second.result = std::move(result);
      }
      came_.notify_all();
    }
    const std::lock_guard<std::mutex> lock(mu_);
    over_ = true;
    came_.notify_all();
  }

  grpc::ClientContext context_;
  std::unique_ptr<v1::Egress::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::MultiplexRequest, v1::MultiplexResponse>> rpc_;
  std::mutex mu_;
  std::condition_variable came_;
  v1::MultiplexRequest next_;
  std::map<std::uint64_t, Outcome> waiting_;
  std::uint64_t last_id_ = 0;
  bool writing_ = false;
  bool over_ = false;
  std::string surprise_;
  std::thread reader_;
};

MultiplexLoadClient::MultiplexLoadClient(const std::string& daemon_address,
                                         std::uint16_t origin_port, std::string denied_address)
    : origin_("127.0.0.1:" + std::to_string(origin_port)), denied_(std::move(denied_address)) {
  for (std::size_t i = 0; i < kStreams; ++i) {
    streams_.push_back(std::make_unique<Stream>(daemon_address));
  }
}

MultiplexLoadClient::~MultiplexLoadClient() = default;

std::string MultiplexLoadClient::End() {
  std::string wrong;
  for (const auto& stream : streams_) {
    const std::string said = stream->End();
    if (wrong.empty()) wrong = said;
  }
  return wrong;
}

CallerEntry MultiplexLoadClient::Send(const LoadRequest& load) {
  CallerEntry entry = EntryOf(load);
  v1::HttpRequest request = MakeWireRequest(load, load.denied ? denied_ : origin_);
  if (load.deadline_us.has_value()) {
    request.mutable_options()->mutable_timeout()->set_nanos(
        static_cast<std::int32_t>(*load.deadline_us * 1000));
  }
  Stream& stream = *streams_[Digest(load.id) % streams_.size()];
  const v1::Result result = stream.Call(std::move(request), load, entry.ends);
  if (result.has_response()) {
    FillResponse(entry, result.response());
  } else {
    FillFailure(entry, result.error());
  }
  return entry;
}

}  // namespace spillway
