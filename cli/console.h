// Where the output goes, and how it may look.
//
// Thread safety: one thread.
// Invariants: colour codes only reach a terminal that wants them (NO_COLOR, TERM=dumb).

#pragma once

#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>

namespace spillway::cli {

enum class Style : std::uint8_t { kBold, kDim, kGreen, kYellow, kRed };

class Console {
 public:
  // Standard output and standard error of the process.
  Console();

  std::ostream& out() { return std::cout; }
  std::ostream& err() { return std::cerr; }
  bool out_is_terminal() const { return out_is_terminal_; }
  bool err_is_terminal() const { return err_is_terminal_; }

  // `text` in `style` where that stream shows colours; else `text`.
  std::string OutStyle(Style style, std::string_view text) const;
  std::string ErrStyle(Style style, std::string_view text) const;

  // Rows of the terminal, 0 when unknown.
  std::size_t Rows() const;
  // Columns of the terminal that shows standard error; 80 when it does not go to one.
  std::size_t ErrColumns() const;
  // The locale's characters are UTF-8.
  static bool Utf8Wanted();

  // "spillwayctl: MESSAGE" on standard error.
  void Complain(std::string_view message);

 private:
  bool out_is_terminal_ = false;
  bool err_is_terminal_ = false;
  bool colours_wanted_ = false;
};

}  // namespace spillway::cli
