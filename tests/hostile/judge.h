// Compares what the caller and the origin saw with what a row expects.
//
// What it owns: the complaints.
// Thread safety: none.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/harness/collecting_sink.h"
#include "tests/hostile/row.h"
#include "tests/origin/seen.h"

namespace spillway {

class Judge {
 public:
  Judge(const Row& row, Story story) : row_(row), story_(std::move(story)) {}

  void CheckCaller();
  // `probe_on`: the connection on which the probe arrived; 0: there was none.
  void CheckOrigin(const std::vector<SeenConnection>& before_probe,
                   const std::vector<SeenConnection>& after_probe, std::uint64_t probe_on);
  const std::vector<std::string>& complaints() const { return complaints_; }

  // Whether the outcome says that connections used so far are not used again.
  static bool MustClose(const Expectation& expectation);

 private:
  void CheckOutcome();
  void CheckFact(const std::string& fact, const std::string& value);
  void CheckHead(const std::string& fact, const std::string& value);
  void CheckMessage();
  void CheckSafety(const std::vector<SeenConnection>& seen);
  void CheckWire(const std::string& fact, const std::string& value,
                 const std::vector<SeenConnection>& seen);
  void CheckTls(const std::string& fact, const std::string& value,
                const std::vector<SeenConnection>& seen);
  void CheckHttp2(const std::string& fact, const std::string& value,
                  const std::vector<SeenConnection>& seen);
  void CheckProbe(bool old_connection, bool dialled_again);
  void Equal(const std::string& what, const std::string& got, const std::string& wanted);
  void Require(bool condition, const std::string& sentence);
  bool Repeatable() const;

  const Row& row_;
  const Story story_;
  std::vector<std::string> complaints_;
};

}  // namespace spillway
