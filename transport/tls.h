// What a loader of configurations needs of TLS: the check of profiles, and digests of contents.
//
// What it is: the door through which server/ reaches these two parts of transport/io.

#pragma once

#include "transport/io/digest.h"             // IWYU pragma: export
#include "transport/io/tls_profile_check.h"  // IWYU pragma: export
