// Answers of a proxy that fetches http URLs for us, on connections of absolute-form requests.
//
// What it is: what in such an answer is the proxy's own and not the origin's (P12, O-287).
// Thread safety: pure functions.

#pragma once

#include <optional>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/header_list.h"
#include "transport/base/message.h"

namespace spillway {

// The failure that `head` means, if it is one: 407 is the proxy refusing us, and says nothing of
// the origin, which never saw the request (RFC 9110 15.5.8). Other statuses, a 502 of the proxy's
// among them, cannot be told from the origin's and are data. `proxy_text` is ProxyServer::Text().
std::optional<Failure> FailureOfProxyAnswer(const ResponseHead& head, std::string_view proxy_text);

// True for the fields that speak of the hop to the proxy: Proxy-Authenticate, Proxy-Authentication-
// Info, Proxy-Connection. Never shown to the caller as the origin's (O-287). Proxy-Status is for
// everyone (RFC 9209) and stays.
bool IsProxyField(std::string_view name);

// `headers` without those fields.
void RemoveProxyFields(HeaderList& headers);

}  // namespace spillway
