// What an Http2Session keeps of a stream, and the functions the library calls.
//
// Thread safety: none; private to the session.

#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "transport/http2/response_fields.h"
#include "transport/http2/session.h"
#include "transport/http2/upload.h"

namespace spillway {

struct Http2Session::Stream {
  Stream(const Http2Request& request, Http2StreamVisitor& hearer)
      : visitor(&hearer),
        tunnel(request.start == Http2BodyStart::kInTunnel),
        fields(*request.limits, tunnel                           ? RequestKind::kConnect
                                : request.head->method == "HEAD" ? RequestKind::kHead
                                                                 : RequestKind::kPlain),
        held(request.start != Http2BodyStart::kAtOnce) {}

  std::int32_t id = 0;
  Http2StreamVisitor* visitor;  // null: it has heard the end, or was Reset
  const bool tunnel;            // it asked for one
  Http2ResponseFields fields;
  bool held;                            // the body may not be read yet
  std::unique_ptr<Http2Upload> upload;  // none: there is no body, or it is not read any more
  bool head_seen = false;
  std::uint64_t received = 0;  // body bytes
  std::size_t unconsumed = 0;  // of them, not yet given back by Consume
  bool request_sent = false;
  bool peer_closed = false;  // of a tunnel
  bool reset_by_us = false;  // RST_STREAM because we want it, not because the peer erred
  bool reset_by_peer = false;
  int nghttp2_error = 0;  // what nghttp2 holds against the stream
};

// nghttp2's callbacks; `user_data` is the session.
struct Http2Session::Callbacks {
  static nghttp2_session_callbacks* Make();

  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user_data);
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t flags, void* user_data);
  static int OnInvalidHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t*,
                             std::size_t, const std::uint8_t*, std::size_t, std::uint8_t,
                             void* user_data);
  static int OnInvalidFrame(nghttp2_session*, const nghttp2_frame* frame, int error,
                            void* user_data);
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user_data);
  static int OnData(nghttp2_session*, std::uint8_t flags, std::int32_t id, const std::uint8_t* data,
                    std::size_t size, void* user_data);
  static int OnStreamClose(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user_data);
  static int OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user_data);
  static int OnFrameNotSent(nghttp2_session*, const nghttp2_frame* frame, int error,
                            void* user_data);
  static ssize_t ReadBody(nghttp2_session*, std::int32_t id, std::uint8_t* into, std::size_t max,
                          std::uint32_t* flags, nghttp2_data_source* source, void* user_data);
  static int WriteBody(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* header,
                       std::size_t size, nghttp2_data_source* source, void* user_data);

 private:
  static void OnHeaders(Http2Session& session, const nghttp2_frame& frame);
  static void OnSettings(Http2Session& session, const nghttp2_frame& frame);
  static void OnGoAway(Http2Session& session, const nghttp2_frame& frame);
};

// "REFUSED_STREAM"; for codes without a name "error code 77".
std::string Http2CodeName(std::uint32_t code);

}  // namespace spillway
