// The configuration loader on any bytes: it gives a whole configuration that prints and
// loads to the same again, or problems within their limit.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/config.h"
#include "transport/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const spillway::ConfigResult config = spillway::ParseConfig(text, "fuzz");
  if (!config.has_value()) {
    SPILLWAY_CHECK(!config.error().problems.empty());
    SPILLWAY_CHECK(config.error().problems.size() <= spillway::kMaxConfigProblems);
    SPILLWAY_CHECK(!config.error().Text().empty());
    return 0;
  }
  SPILLWAY_CHECK(config->policy != nullptr);
  const std::string printed = spillway::PrintEffectiveConfig(*config);
  const spillway::ConfigResult again = spillway::ParseConfig(printed, "printed");
  SPILLWAY_CHECK(again.has_value());
  SPILLWAY_CHECK(spillway::PrintEffectiveConfig(*again) == printed);
  return 0;
}
