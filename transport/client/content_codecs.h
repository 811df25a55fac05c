// The libraries that undo content codings.
//
// Thread safety: a Codec has none of its own; MakeCodec may be called from any thread.

#pragma once

#include <memory>

#include "transport/client/content_decoder.h"

namespace spillway {

// zstd: windows above 8 MiB are refused, as RFC 9659 has it.
std::unique_ptr<Codec> MakeCodec(Coding coding);

}  // namespace spillway
