#include "cli/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace spillway::cli {
namespace {

std::string Paint(Style style, std::string_view text) {
  const char* code = "";
  switch (style) {
    case Style::kBold:
      code = "\x1b[1m";
      break;
    case Style::kDim:
      code = "\x1b[2m";
      break;
    case Style::kGreen:
      code = "\x1b[32m";
      break;
    case Style::kYellow:
      code = "\x1b[33m";
      break;
    case Style::kRed:
      code = "\x1b[31m";
      break;
  }
  return code + std::string(text) + "\x1b[0m";
}

bool ColoursWanted() {
  // https://no-color.org: set and not empty.
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

Console::Console()
    : out_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      err_is_terminal_(::isatty(STDERR_FILENO) == 1),
      colours_wanted_(ColoursWanted()) {}

std::string Console::OutStyle(Style style, std::string_view text) const {
  return out_is_terminal_ && colours_wanted_ ? Paint(style, text) : std::string(text);
}

std::string Console::ErrStyle(Style style, std::string_view text) const {
  return err_is_terminal_ && colours_wanted_ ? Paint(style, text) : std::string(text);
}

std::size_t Console::Rows() const {
  winsize size{};
  if (!out_is_terminal_ || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_row;
}

std::size_t Console::ErrColumns() const {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  if (!err_is_terminal_ || ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return kUsual;
  return size.ws_col > 0 ? size.ws_col : kUsual;
}

bool Console::Utf8Wanted() {
  // The first that is set decides (POSIX 8.2).
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale = value;
    for (const char* charset : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
      if (locale.find(charset) != std::string_view::npos) return true;
    }
    return false;
  }
  return false;
}

void Console::Complain(std::string_view message) {
  err() << ErrStyle(Style::kRed, "spillwayctl:") << " " << message << "\n";
}

}  // namespace spillway::cli
