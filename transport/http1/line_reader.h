// Lines out of bytes that arrive in any pieces.
//
// What it is: a line that lies whole in the input is returned as a view of it; only a line cut by
// the end of the input is copied, and searched once.
// What it owns: the bytes of one incomplete line.
// Thread safety: none.
// Invariants: holds at most `allowed` bytes; what it answers depends on the bytes alone, not on
// how they were cut.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace spillway {

class LineReader {
 public:
  enum class Status : std::uint8_t {
    kLine,     // line() is the next line
    kMore,     // the input is used up, the line is not complete
    kTooLong,  // no line end within `allowed` bytes
  };

  // Takes bytes off the front of `input`. `allowed` counts the line end too, and must be the same
  // until the line is complete.
  Status Take(std::string_view& input, std::size_t allowed);

  // The line after kLine, its LF included; after kMore and kTooLong the bytes held so far. Valid
  // until the next call, and only while the input is.
  std::string_view line() const { return line_; }

  void Reset();

 private:
  std::string held_;  // the start of a line that was cut
  std::string_view line_;
  bool line_is_held_ = false;  // the last kLine was served from held_
};

// `line` without its CR LF; false when it ends in a bare LF (O-026, O-027). A CR elsewhere is left
// to the grammar of the line, which never allows one.
bool StripLineEnd(std::string_view& line);

}  // namespace spillway
