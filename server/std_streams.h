// Makes sure that descriptors 0, 1 and 2 are taken, so that no socket can become the log's stderr
// (case X-031).
//
// Thread safety: call it first, before anything opens a descriptor.

#pragma once

namespace spillway {

// False when a missing stream could not be filled.
bool FillStandardStreams();

}  // namespace spillway
