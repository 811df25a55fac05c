// The fields of a response as they come out of HEADERS, checked and counted.
//
// What it is: collects one field section at a time into a ResponseHead or trailers. The library
// behind Http2Session checks most of it too; here is what the rest of the transport relies on.
// Thread safety: none; on the connection's loop.
// Invariants: nothing larger than ResponseLimits is ever kept, however small it was on the wire
// (O-178): a field counts as name + value + 32, over all sections of an exchange.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/header_list.h"
#include "transport/base/message.h"
#include "transport/base/options.h"

namespace spillway {

// What a response can look like depends on what was asked.
enum class RequestKind : std::uint8_t { kPlain, kHead, kConnect };

class Http2ResponseFields {
 public:
  enum class Section : std::uint8_t { kInformational, kFinal, kTrailers };

  Http2ResponseFields(const ResponseLimits& limits, RequestKind kind)
      : limits_(limits), kind_(kind) {}

  // A HEADERS frame begins. Once a final head was finished, what comes are trailers.
  void Begin();
  // A Failure ends the stream; its phase and delivery are left to the caller.
  std::optional<Failure> Add(std::string_view name, std::string_view value);
  // The section is complete. `end_stream`: nothing follows it.
  std::optional<Failure> Finish(bool end_stream);

  // After Finish: what it was.
  Section section() const { return section_; }
  ResponseHead& head() { return head_; }
  HeaderList& trailers() { return trailers_; }
  // Of the final head.
  BodyKind body_kind() const { return body_kind_; }
  std::uint64_t body_length() const { return body_length_; }

 private:
  std::optional<Failure> AddStatus(std::string_view value);
  std::optional<Failure> AddLength(std::string_view value);
  std::optional<Failure> AddTrailer(std::string_view name, std::string_view value);
  std::optional<Failure> Count(std::string_view name, std::string_view value);

  const ResponseLimits& limits_;
  const RequestKind kind_;
  bool final_done_ = false;
  bool any_regular_ = false;
  Section section_ = Section::kFinal;
  ResponseHead head_;
  HeaderList trailers_;
  std::optional<std::uint64_t> declared_;
  BodyKind body_kind_ = BodyKind::kNone;
  std::uint64_t body_length_ = 0;
  std::size_t bytes_ = 0;
  std::size_t fields_ = 0;
  std::uint32_t informational_ = 0;
};

}  // namespace spillway
