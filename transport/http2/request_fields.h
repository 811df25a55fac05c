// A request head as HTTP/2 fields.
//
// What it is: turns a checked RequestHead into the pseudo-header fields and lower-case fields that
// go into HEADERS. What belongs to one HTTP/1 hop (Connection and its like) is left out.
// Thread safety: pure functions.
// Errors: none; the head went through CheckRequest (transport/base/field_rules.h).

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/base/header_list.h"
#include "transport/base/message.h"

namespace spillway {

struct Http2Field {
  std::string_view name;
  std::string_view value;
  bool sensitive = false;  // never put into the compression table that all share
};

// Fields in wire order. Views into the RequestHead they were made of, and into `storage`.
struct Http2RequestFields {
  std::vector<Http2Field> fields;
  std::string storage;
  std::size_t list_size = 0;  // as SETTINGS_MAX_HEADER_LIST_SIZE counts: 32 more per field

  Http2RequestFields() = default;
  Http2RequestFields(Http2RequestFields&&) = delete;  // a short `storage` would move
};

// Fills `out`, which is empty. `body_length`: 0 for no body, nullopt for unknown, which sends no
// content-length. :authority is the caller's Host when given (V11), else the URL's. A Cookie is
// split into its pairs, so that each can be compressed by itself (H17).
void MakeRequestFields(const RequestHead& head, std::optional<std::uint64_t> body_length,
                       Http2RequestFields& out);

// The same for CONNECT, which names nothing but the other end of its tunnel (RFC 9113 8.5).
void MakeConnectFields(const RequestHead& head, Http2RequestFields& out);

// What follows a request body.
void MakeTrailerFields(const HeaderList& trailers, Http2RequestFields& out);

}  // namespace spillway
