// Which request follows a response with a 3xx status: http.Client's rules (C1 to C14), with the
// stricter ones of C-074 about credentials.
//
// What it is: a function from the request of one hop and its answer to the request of the next.
// What an earlier hop dropped is not in its request any more, and so never comes back.
// Thread safety: pure functions.
//
// Choices where the standards leave one:
//  - A Location with another scheme than http or https is the caller's: its 3xx is delivered.
//  - So is one that needs a body that cannot be sent again (C2), and any answer to CONNECT or to a
//    request for an upgrade.
//  - Bytes of a Location that may not stand in a request target are percent-encoded where they are
//    blanks or not ASCII, since origins send them so; every other oddity of a URL is an error, as
//    it is in a caller's URL. A fragment is dropped.
//  - https to http is followed: without credentials, as every change of origin, and without
//  Referer.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/header_list.h"
#include "transport/base/message.h"
#include "transport/base/url.h"

namespace spillway {

// What a hop's request was, as far as the next one depends on it.
struct Hop {
  RequestHead head;       // without what a jar added; `target` is of no matter here
  bool has_body = false;  // of its own; one that was dropped is gone
  bool body_replayable = false;
  bool own_referer = false;  // its Referer is of our making, not the caller's
};

// The hop that follows, or nothing when the response is to be delivered as it is. Errors:
// kHttpProtocolError when the Location is no URL that may be requested; it is never echoed.
Result<std::optional<Hop>> NextHop(const Hop& hop, std::uint32_t status,
                                   const HeaderList& response_headers);

// `reference` as seen from `base` (RFC 3986 5.2), without its fragment. Nothing when its scheme is
// neither http nor https. `absolute`, when given: whether it named a host of its own.
// Errors: as NextHop.
Result<std::optional<Url>> ResolveReference(const Url& base, std::string_view reference,
                                            bool* absolute = nullptr);

// Same scheme, host and port.
bool SameOrigin(const Url& a, const Url& b);

}  // namespace spillway
