// A message of the configuration schema as YAML in the form that the file has.
//
// Thread safety: pure function. No exceptions leave it.

#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace spillway {

// Every field that is set, in the order of the schema; "(masked)" in place of a secret. Ends with a
// newline.
std::string PrintYaml(const google::protobuf::Message& message);

}  // namespace spillway
