// A gRPC server that echoes, as the origin of opaque exchanges.
//
// Thread safety: its counters may be read from any thread.

#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

namespace spillway {

// Gives every message back. Method "/test/First" gives one message back and refuses the rest.
class Echo final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* ctx) override {
    return new Reactor(*this, ctx);
  }

  std::atomic<int> cancelled{0};
  std::atomic<int> done{0};

 private:
  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    Reactor(Echo& echo, grpc::GenericCallbackServerContext* ctx)
        : echo_(echo), ctx_(ctx), one_only_(ctx->method() == "/test/First") {
      StartSendInitialMetadata();
      StartRead(&message_);
    }
    void OnReadDone(bool ok) override {
      if (!ok) return End(grpc::Status::OK);
      ++count_;
      if (one_only_ && count_ > 1) {
        return End(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "enough"));
      }
      StartWrite(&message_);
    }
    void OnWriteDone(bool ok) override {
      if (ok) StartRead(&message_);
    }
    void OnCancel() override {
      ++echo_.cancelled;
      End(grpc::Status::CANCELLED);
    }
    void OnDone() override {
      ++echo_.done;
      delete this;
    }

   private:
    void End(const grpc::Status& status) {
      if (ended_.exchange(true)) return;
      ctx_->AddTrailingMetadata("x-count", std::to_string(count_));
      Finish(status);
    }

    Echo& echo_;
    grpc::GenericCallbackServerContext* const ctx_;
    const bool one_only_;
    grpc::ByteBuffer message_;
    std::atomic<int> count_{0};
    std::atomic<bool> ended_{false};
  };
};

class GrpcServer {
 public:
  GrpcServer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(&echo_);
    server_ = builder.BuildAndStart();
  }
  ~GrpcServer() { server_->Shutdown(); }

  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  Echo& echo() { return echo_; }

 private:
  Echo echo_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// One message as gRPC frames it.
inline std::string Message(std::string_view bytes) {
  std::string framed(5, '\0');
  for (int i = 0; i < 4; ++i)
    framed[static_cast<std::size_t>(4 - i)] = static_cast<char>((bytes.size() >> (8 * i)) & 0xff);
  return framed.append(bytes);
}

}  // namespace spillway
