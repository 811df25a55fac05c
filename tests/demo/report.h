// The demonstration on paper: compact, with colours only on a terminal that wants them.
//
// Thread safety: one thread.

#pragma once

#include <string>
#include <vector>

#include "tests/demo/daemon.h"
#include "tests/demo/facts.h"

namespace spillway::demo {

class Report {
 public:
  Report();

  void Heading(const Facts& facts, const Addresses& addresses) const;
  void Response(const Facts& facts) const;
  void Traffic(const Facts& facts) const;
  void Pool(const Facts& facts) const;
  void Metrics(const Facts& facts) const;
  // Ends with a line that sums up.
  void Checks(const std::vector<Check>& checks) const;
  // Lines to paste while the daemon serves.
  void TryIt(const std::string& url, const Addresses& addresses, const std::string& ctl) const;

 private:
  std::string Paint(const char* code, const std::string& text) const;
  std::string Bold(const std::string& text) const { return Paint("1", text); }
  std::string Dim(const std::string& text) const { return Paint("2", text); }
  void Title(const std::string& text) const;
  void MetricRow(const std::string& line) const;

  bool colours_ = false;
};

}  // namespace spillway::demo
