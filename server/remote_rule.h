// Which addresses other machines may reach, and how.
//
// What it is: the rule that a listener must pass before it is opened. An address of this machine
// alone always passes. Any other needs TLS, and Admin's needs callers' certificates too, unless
// somebody has said that clear text is wanted.
// Thread safety: pure functions.

#pragma once

#include <cstdint>
#include <string_view>

#include "server/defaults.h"
#include "server/listen_address.h"
#include "transport/base/failure.h"

namespace spillway {

enum class ListenerKind : std::uint8_t { kGrpc, kAdmin, kHttp };

// The flag that sets a listener's address.
std::string_view FlagOf(ListenerKind kind);

// Whether other machines reach the address in clear text; never so for Admin.
// Errors: when they would and `options` do not allow it; a message that says what would help.
Result<bool> IsInsecureRemote(const ListenAddress& address, ListenerKind kind,
                              const ListenOptions& options);

}  // namespace spillway
