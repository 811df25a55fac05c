// Several callers at once, each with a channel of its own, as several processes would be.
//
// Thread safety: one thread; it starts and joins its own.

#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "spillway/v1/egress.pb.h"

namespace spillway::demo {

// What came of one request.
struct Outcome {
  bool ok = false;    // a complete HTTP response came
  std::string error;  // otherwise: the code and message of the call
  spillway::v1::HttpResponse response;
};

struct CallersResult {
  std::vector<std::vector<Outcome>> outcomes;  // by caller, in the order of sending
  std::chrono::nanoseconds took{};
};

// Each of `callers` sends `each` GETs of `url` one after the other to the daemon at `address`.
CallersResult RunCallers(const std::string& address, const std::string& url, int callers, int each);

}  // namespace spillway::demo
