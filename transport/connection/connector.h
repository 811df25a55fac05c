// What a dial yields, as the connection that speaks its protocol.
//
// Thread safety: on the loop of the dial.

#pragma once

#include <cstdint>
#include <memory>

#include "transport/base/options.h"
#include "transport/connection/connection.h"
#include "transport/io/dialer.h"
#include "transport/io/event_loop.h"

namespace spillway {

// `outcome` holds a socket. `max_streams` is for HTTP/2.
std::shared_ptr<Connection> MakeConnection(EventLoop& loop, DialOutcome outcome,
                                           const Http2Limits& http2, std::uint32_t max_streams);

}  // namespace spillway
