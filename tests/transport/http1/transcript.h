// Everything a ResponseDecoder said about some bytes, as one comparable value.
//
// What it is: the harness of the decoder's tests and fuzz targets. It feeds bytes in given pieces,
// then says that the peer closed, and checks on the way that the decoder keeps its own promises
// (views lie inside the input, nothing is consumed after the end, events come in order).

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/failure.h"
#include "transport/base/message.h"
#include "transport/base/options.h"

namespace spillway {

struct DecoderInput {
  ResponseLimits limits = {};
  bool head_request = false;
  bool upgrade_allowed = false;
};

struct Transcript {
  std::vector<ResponseHead> informational;
  bool has_head = false;
  ResponseHead head;
  BodyKind body_kind = BodyKind::kNone;
  std::uint64_t body_length = 0;
  std::string body;
  HeaderList trailers;
  bool done = false;
  bool done_by_eof = false;  // complete only because the peer closed
  Failure failure;           // when not done
  std::size_t left = 0;      // bytes of the input that were not consumed

  // One line: "103; 200 length:5 'hello' [T=v] done left:2", "200 chunked 'ab' fail:http_response_
  // incomplete/body/answered/200". Header fields are not part of it.
  std::string Summary() const;
};

bool operator==(const Transcript& a, const Transcript& b);

// `cuts` are positions in `bytes`, in rising order. Aborts when the decoder breaks a promise.
Transcript Transcribe(std::string_view bytes, const std::vector<std::size_t>& cuts,
                      const DecoderInput& input);

}  // namespace spillway
