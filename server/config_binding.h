// Which field of the schema is which member of our structs: one list, read in both directions.
//
// What it is: the bridge between a checked message of config.proto and Config. Values that the
// message leaves out keep what the struct had, which is how defaults and inheritance come about.
// Thread safety: pure functions.
// Invariants: every value of the schema is bound (a test walks the descriptor).

#pragma once

#include <vector>

#include "server/config.h"
#include "spillway/config/v1/config.pb.h"

namespace spillway {

// What a policy is built from.
struct PolicyParts {
  std::vector<Destination> destinations;  // their `tls` and `proxy` are not set yet
  Destination fallback;
  RequestFieldLimits request;
};

// Puts what `message` sets into `config` (all but its policy) and `parts`. `message` came out of
// FillMessage, perhaps with problems: what was refused is not set.
void ReadConfigMessage(const config::v1::Config& message, Config& config, PolicyParts& parts);

// Every value of `config`.
config::v1::Config WriteConfigMessage(const Config& config);

}  // namespace spillway
