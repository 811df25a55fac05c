// What a scripted transport sees of the request body of a Stream call.
//
// Thread safety: as FakeTransport's scripts.

#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>

#include "tests/server/fake_transport.h"

namespace spillway {

// What the transport got of a request body, and how that ended.
struct Upload {
  std::string bytes;
  std::optional<std::uint64_t> length;
  HeaderList trailers;
  BodySource::Status end = BodySource::Status::kPending;
  Failure failure;
};

// Reads the whole body, then answers 200 (or nothing, when the body failed) and tells `seen`.
class BodyReader {
 public:
  explicit BodyReader(std::promise<Upload>& seen) : seen_(seen) {}

  void operator()(FakeTransport::Exchange& exchange) const {
    Go(exchange, std::make_shared<Upload>());
  }

 private:
  void Go(FakeTransport::Exchange& exchange, const std::shared_ptr<Upload>& upload) const {
    BodySource* body = exchange.request().body.get();
    if (body == nullptr) {
      upload->end = BodySource::Status::kEnd;
      upload->length = 0;
    } else {
      upload->length = body->length();
      upload->end =
          exchange.Pull(upload->bytes,
                        [self = *this, upload](FakeTransport::Exchange& e) { self.Go(e, upload); });
      if (upload->end == BodySource::Status::kPending) return;
      if (body->trailers() != nullptr) upload->trailers = *body->trailers();
    }
    if (upload->end == BodySource::Status::kError) {
      upload->failure = body->failure();
      const Failure failure = upload->failure;
      seen_.set_value(*upload);
      return exchange.Fail(failure);
    }
    seen_.set_value(*upload);
    exchange.Head(200, {}, BodyKind::kLength, 0);
    exchange.End();
  }

  std::promise<Upload>& seen_;
};

}  // namespace spillway
