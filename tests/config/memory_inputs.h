// Files and environment variables that only a test sees.

#pragma once

#include <map>
#include <optional>
#include <string>

#include "server/config_inputs.h"

namespace spillway {

struct MemoryInputs {
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> variables;

  // Refers to this, which must outlive it.
  ConfigInputs Inputs() const {
    return ConfigInputs{[this](const std::string& path, std::string& text) -> std::string {
                          const auto file = files.find(path);
                          if (file == files.end())
                            return "cannot be read: No such file or directory";
                          text = file->second;
                          return "";
                        },
                        [this](const std::string& name) -> std::optional<std::string> {
                          const auto variable = variables.find(name);
                          if (variable == variables.end()) return std::nullopt;
                          return variable->second;
                        }};
  }
};

}  // namespace spillway
