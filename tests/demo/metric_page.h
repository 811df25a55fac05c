// A page of metrics in Prometheus' text format, read.
//
// Thread safety: a plain value.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace spillway::demo {

class MetricPage {
 public:
  explicit MetricPage(std::string text) : text_(std::move(text)) {}

  // The sample lines of `name` whose labels hold each of `labels` (`source="idle"`).
  std::vector<std::string_view> Lines(std::string_view name,
                                      const std::vector<std::string>& labels) const;
  // The sum of their values.
  double Sum(std::string_view name, const std::vector<std::string>& labels) const;

 private:
  std::string text_;
};

}  // namespace spillway::demo
