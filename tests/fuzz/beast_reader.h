// HTTP/1 messages as Boost.Beast reads them: the second opinion of the fuzz targets.
//
// What it is: Beast's basic_parser with a recorder behind it, so that fields come in wire order and
// trailers apart from headers. It is laxer than we are in known ways (folding, equal lengths, odd
// codings, no limits); what matters is that it is never stricter, and never reads other content.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "transport/base/header_list.h"

namespace spillway {

struct BeastMessage {
  std::string method;  // requests
  std::string target;
  int status = 0;  // responses
  std::string reason;
  int version = 0;  // 10 or 11
  HeaderList headers;
  HeaderList trailers;
  std::string body;
  bool complete = false;
  std::size_t consumed = 0;
};

// One response from the front of `bytes`, which end with the end of the connection. nullopt: Beast
// refuses it. Not complete: Beast wants more.
std::optional<BeastMessage> ReadBeastResponse(std::string_view bytes, bool head_request);

// One request from the front of `bytes`, with more to come.
std::optional<BeastMessage> ReadBeastRequest(std::string_view bytes);

}  // namespace spillway
