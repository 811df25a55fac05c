#include "tests/demo/metric_page.h"

#include <algorithm>
#include <cstdlib>

namespace spillway::demo {

std::vector<std::string_view> MetricPage::Lines(std::string_view name,
                                                const std::vector<std::string>& labels) const {
  std::vector<std::string_view> found;
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.starts_with(name)) continue;
    const std::string_view after = line.substr(name.size());
    if (!after.starts_with("{") && !after.starts_with(" ")) continue;
    const bool matches = std::all_of(labels.begin(), labels.end(), [&](const std::string& label) {
      return after.find(label) != std::string_view::npos;
    });
    if (matches) found.push_back(line);
  }
  return found;
}

double MetricPage::Sum(std::string_view name, const std::vector<std::string>& labels) const {
  double sum = 0;
  for (const std::string_view line : Lines(name, labels)) {
    // A label value may hold a blank; the value never does.
    sum += std::strtod(std::string(line.substr(line.rfind(' ') + 1)).c_str(), nullptr);
  }
  return sum;
}

}  // namespace spillway::demo
