// From what the configuration file says about TLS and proxies to what the transport uses.
//
// What it is: reads certificate, key, root and credential files and variables, seals TLS profiles,
// and resolves the names by which destinations and proxies refer to them.
// Thread safety: pure functions but for `inputs`.
// Invariants: each problem is reported once, at the key that can be put right; messages hold no
// content of files and no credentials. Every file that was read, or could not be, is in `files`.

#pragma once

#include <string_view>

#include "server/config.h"
#include "server/config_binding.h"
#include "server/config_inputs.h"
#include "server/input_reader.h"

namespace spillway {

// Fills config.tls, config.proxy_servers and config.files, and `tls` and `proxy` of the
// destinations in `parts`. `folder` is that of the configuration file.
void LoadProfiles(std::string_view folder, const ConfigInputs& inputs, const ReportProblem& report,
                  Config& config, PolicyParts& parts);

}  // namespace spillway
