// A caller of Multiplex for tests over a scripted transport, and what is looked at in results.
//
// Thread safety: a Caller's Send and Read may be called from a thread each.

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/front_fixture.h"

namespace spillway {

inline void Echo(FakeTransport::Exchange& exchange) {
  exchange.Head(200, {{"X-Method", exchange.request().method}}, BodyKind::kLength, 0);
  const std::string body = exchange.body();
  if (!body.empty()) exchange.Data(Chunk{body, nullptr});
  exchange.End();
}

inline void LeaveOpen(FakeTransport::Exchange& /*exchange*/) {}

inline void AddCall(v1::MultiplexRequest& message, std::uint64_t id, const std::string& body = "",
                    const std::string& url = "http://origin.example/") {
  v1::Call& call = *message.add_calls();
  call.set_id(id);
  call.mutable_request()->set_url(url);
  call.mutable_request()->set_body(body);
}

// A caller's stream that keeps every result by its id.
class Caller {
 public:
  explicit Caller(FrontFixture& fixture, Duration deadline = seconds(60)) {
    context_.set_deadline(std::chrono::system_clock::now() +
                          std::chrono::duration_cast<std::chrono::microseconds>(deadline));
    stream_ = fixture.stub->Multiplex(&context_);
  }

  bool Send(const v1::MultiplexRequest& message) { return stream_->Write(message); }
  bool SendCalls(std::uint64_t first, std::uint64_t last) {
    v1::MultiplexRequest message;
    for (std::uint64_t id = first; id <= last; ++id) AddCall(message, id, std::to_string(id));
    return Send(message);
  }
  void SendCancel(std::uint64_t id) {
    v1::MultiplexRequest message;
    message.add_cancels(id);
    Send(message);
  }
  void HalfClose() { stream_->WritesDone(); }
  void CancelRpc() { context_.TryCancel(); }

  // Reads one message; false at the end.
  bool Read() {
    v1::MultiplexResponse message;
    if (!stream_->Read(&message)) return false;
    EXPECT_GT(message.results_size(), 0);
    if (message.ByteSizeLong() > 1024UL * 1024) {
      EXPECT_EQ(message.results_size(), 1);
    }
    ++messages;
    for (v1::Result& result : *message.mutable_results()) {
      order.push_back(result.id());
      EXPECT_TRUE(results.emplace(result.id(), std::move(result)).second) << "a second result";
    }
    return true;
  }
  void ReadUntil(std::size_t count) {
    while (results.size() < count) ASSERT_TRUE(Read());
  }
  grpc::Status ReadToEnd() {
    while (Read()) {
    }
    return stream_->Finish();
  }

  std::map<std::uint64_t, v1::Result> results;
  std::vector<std::uint64_t> order;
  std::size_t messages = 0;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::MultiplexRequest, v1::MultiplexResponse>> stream_;
};

inline v1::EgressError ErrorOf(const v1::Result& result) {
  EXPECT_EQ(result.outcome_case(), v1::Result::kError);
  v1::EgressError error;
  if (result.error().details_size() == 1) {
    EXPECT_TRUE(result.error().details(0).UnpackTo(&error));
  } else {
    ADD_FAILURE() << "no EgressError in: " << result.error().message();
  }
  return error;
}

inline grpc::StatusCode CodeOf(const v1::Result& result) {
  return result.has_error() ? static_cast<grpc::StatusCode>(result.error().code())
                            : grpc::StatusCode::OK;
}

}  // namespace spillway
