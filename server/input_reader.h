// Reads the files that a configuration names, and keeps account of them.
//
// Thread safety: one reader, one thread.
// Invariants: every path that was asked for is in `files`, with "" for a digest when it could not
// be read.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "server/config.h"
#include "server/config_inputs.h"

namespace spillway {

using ReportProblem =
    std::function<void(const std::string& path, ConfigCause cause, std::string message)>;

class InputReader {
 public:
  // `folder` is that of the configuration file.
  InputReader(std::string_view folder, const ConfigInputs& inputs, const ReportProblem& report,
              FileDigests& files)
      : folder_(folder), inputs_(inputs), report_(report), files_(files) {}

  // Puts the content of the file that the key `path` names into `text`. False when that cannot be
  // done, which is reported.
  bool Read(const std::string& named, const std::string& path, std::string& text) {
    const std::string file = ResolvePath(folder_, named);
    const std::string problem = inputs_.read_file(file, text);
    files_[file] = problem.empty() ? ContentDigest(text) : "";
    if (problem.empty()) return true;
    report_(path, ConfigCause::kFile, "the file " + problem);
    return false;
  }

  std::optional<std::string> Variable(const std::string& name) { return inputs_.variable(name); }

 private:
  const std::string_view folder_;
  const ConfigInputs& inputs_;
  const ReportProblem& report_;
  FileDigests& files_;
};

}  // namespace spillway
