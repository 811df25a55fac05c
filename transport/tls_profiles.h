// For those above the transport: how a TLS profile is checked, and digests of secrets.
//
// What it is: the two parts of floor 2 that a configuration reader needs, under a name of floor 4.

#pragma once

#include "transport/io/digest.h"             // IWYU pragma: export
#include "transport/io/tls_profile_check.h"  // IWYU pragma: export
