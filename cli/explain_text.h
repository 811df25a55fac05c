// What Admin.Explain answers, for people.
//
// Thread safety: pure function.

#pragma once

#include <string>

#include "spillway/v1/admin.pb.h"

namespace spillway::cli {

// One fact a line, "name   value", only those that there are. Ends with a line end.
std::string ExplainText(const spillway::v1::ExplainResponse& response);

}  // namespace spillway::cli
