// The configuration loader on any bytes: it gives a whole configuration that prints and
// loads to the same again, or problems within their limit. The files and variables that the text
// names exist only here: a path's last letter says what it holds.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/config.h"
#include "transport/base/check.h"

namespace {

constexpr char kLogin[] = "user:password\n";
constexpr char kGarbage[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

std::string ReadFile(const std::string& path, std::string& text) {
  if (path.ends_with('l')) {
    text = kLogin;
  } else if (path.ends_with('g')) {
    text = kGarbage;
  } else if (path.ends_with('e')) {
    text.clear();
  } else {
    return "cannot be read";
  }
  return "";
}

std::optional<std::string> Variable(const std::string& name) {
  if (name.ends_with('L')) return "user:password";
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const spillway::ConfigInputs inputs{ReadFile, Variable};
  const spillway::ConfigResult config = spillway::ParseConfig(text, "fuzz", 1, inputs);
  if (!config.has_value()) {
    SPILLWAY_CHECK(!config.error().problems.empty());
    SPILLWAY_CHECK(config.error().problems.size() <= spillway::kMaxConfigProblems);
    SPILLWAY_CHECK(!config.error().Text().empty());
    return 0;
  }
  SPILLWAY_CHECK(config->policy != nullptr);
  const std::string printed = spillway::PrintEffectiveConfig(*config);
  const spillway::ConfigResult again = spillway::ParseConfig(printed, "printed", 1, inputs);
  SPILLWAY_CHECK(again.has_value());
  SPILLWAY_CHECK(spillway::PrintEffectiveConfig(*again) == printed);
  return 0;
}
