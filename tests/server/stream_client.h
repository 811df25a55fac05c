// A caller of Stream, one frame at a time.
//
// Thread safety: one thread writes, one reads; Cancel from any.

#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "spillway/v1/egress.grpc.pb.h"
#include "transport/base/instant.h"

namespace spillway {

class StreamClient {
 public:
  // `deadline` kForever: none.
  explicit StreamClient(v1::Egress::Stub& stub, Duration deadline = std::chrono::seconds(60)) {
    if (deadline != kForever)
      context_.set_deadline(std::chrono::system_clock::now() +
                            std::chrono::duration_cast<std::chrono::microseconds>(deadline));
    stream_ = stub.Stream(&context_);
  }
  ~StreamClient() {
    if (!finished_) {
      Cancel();
      Finish();
    }
  }
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  bool Head(const v1::HttpRequest& head) {
    v1::StreamRequest frame;
    *frame.mutable_head() = head;
    return Send(frame);
  }
  // Head of a request without body.
  bool Get(const std::string& url) {
    v1::HttpRequest head;
    head.set_url(url);
    head.set_content_length(0);
    return Head(head);
  }
  bool Data(const std::string& bytes) {
    v1::StreamRequest frame;
    frame.set_data(bytes);
    return Send(frame);
  }
  bool Trailer(const std::string& name, const std::string& value) {
    v1::StreamRequest frame;
    v1::Header& header = *frame.mutable_trailers()->add_headers();
    header.set_name(name);
    header.set_value(value);
    return Send(frame);
  }
  bool Send(const v1::StreamRequest& frame) { return stream_->Write(frame); }
  bool HalfClose() { return stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }

  // The next frame; nullopt at the end of the stream.
  std::optional<v1::StreamResponse> Read() {
    v1::StreamResponse frame;
    if (!stream_->Read(&frame)) return std::nullopt;
    return frame;
  }

  // All frames to the end, and the status.
  struct Answer {
    std::vector<v1::InformationalResponse> informational;
    std::optional<v1::HttpResponse> head;
    std::string body;
    std::vector<std::size_t> data_frames;  // their sizes
    std::vector<v1::Trailers> trailers;
    std::string order;  // "ihdt": the kinds, runs of data as one
    grpc::Status status;
  };
  Answer ReadAll() {
    Answer answer;
    while (std::optional<v1::StreamResponse> frame = Read()) Add(answer, *frame);
    answer.status = Finish();
    return answer;
  }
  static void Add(Answer& answer, const v1::StreamResponse& frame) {
    switch (frame.frame_case()) {
      case v1::StreamResponse::kInformational:
        answer.informational.push_back(frame.informational());
        answer.order += 'i';
        break;
      case v1::StreamResponse::kHead:
        answer.head = frame.head();
        answer.body += frame.head().body();
        answer.order += 'h';
        break;
      case v1::StreamResponse::kData:
        answer.body += frame.data();
        answer.data_frames.push_back(frame.data().size());
        if (answer.order.empty() || answer.order.back() != 'd') answer.order += 'd';
        break;
      case v1::StreamResponse::kTrailers:
        answer.trailers.push_back(frame.trailers());
        answer.order += 't';
        break;
      case v1::StreamResponse::FRAME_NOT_SET:
        answer.order += '?';
        break;
    }
  }
  grpc::Status Finish() {
    finished_ = true;
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>> stream_;
  bool finished_ = false;
};

}  // namespace spillway
