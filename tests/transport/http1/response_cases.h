// The table of responses, good and hostile, that every decoder test runs over.
//
// Rows are named by the catalogue id they show; the seeds of the fuzz targets come from them too.

#pragma once

#include <string>
#include <vector>

namespace spillway {

struct ResponseCase {
  std::string name;
  std::string bytes;
  std::string expected;  // Transcript::Summary() after all bytes and the end of the connection
  bool head_request = false;
  bool upgrade_allowed = false;
};

// Heads and framing decided by them.
std::vector<ResponseCase> HeadCases();
// Bodies, chunks, trailers.
std::vector<ResponseCase> BodyCases();
// Both.
std::vector<ResponseCase> AllResponseCases();

}  // namespace spillway
