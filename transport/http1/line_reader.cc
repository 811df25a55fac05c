#include "transport/http1/line_reader.h"

#include <algorithm>

namespace spillway {

LineReader::Status LineReader::Take(std::string_view& input, std::size_t allowed) {
  if (line_is_held_) {
    held_.clear();
    line_is_held_ = false;
  }
  const std::size_t room = allowed - std::min(allowed, held_.size());
  const std::size_t lf = input.substr(0, room).find('\n');
  const bool found = lf != std::string_view::npos;
  const std::size_t taken = found ? lf + 1 : std::min(room, input.size());
  if (found && held_.empty()) {
    line_ = input.substr(0, taken);
    input.remove_prefix(taken);
    return Status::kLine;
  }
  held_.append(input.substr(0, taken));
  input.remove_prefix(taken);
  line_ = held_;
  if (found) {
    line_is_held_ = true;
    return Status::kLine;
  }
  return held_.size() >= allowed ? Status::kTooLong : Status::kMore;
}

void LineReader::Reset() {
  held_.clear();
  line_ = {};
  line_is_held_ = false;
}

bool StripLineEnd(std::string_view& line) {
  if (!line.ends_with("\r\n")) return false;
  line.remove_suffix(2);
  return true;
}

}  // namespace spillway
