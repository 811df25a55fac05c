// From what the configuration file says about a proxy to a ProxyServer with its credentials read.
//
// Thread safety: one loader, one thread.
// Invariants: each problem is reported once, at the key that can be put right; no message holds a
// part of the credentials. What was returned is whole.

#pragma once

#include <map>
#include <string>

#include "server/defaults.h"
#include "server/input_reader.h"
#include "server/profile_settings.h"
#include "transport/base/proxy.h"

namespace spillway {

// Null: there is such a profile, but something is wrong with it.
using TlsProfilesByName = std::map<std::string, TlsProfilePtr>;

class ProxyLoader {
 public:
  // `own` are the addresses that no proxy may have.
  ProxyLoader(InputReader& inputs, const ReportProblem& report, const ListenOptions& own,
              const TlsProfilesByName& tls)
      : inputs_(inputs), report_(report), own_(own), tls_(tls) {}

  // `path` is that of the entry. Null when something is wrong, which is reported.
  ProxyServerPtr Load(const ProxySettings& settings, const std::string& path);

 private:
  bool SetAddress(const ProxySettings& settings, const std::string& path, ProxyServer& server);
  bool SetUrl(const ProxySettings& settings, const std::string& path, ProxyServer& server);
  bool CheckLoop(const std::string& path, const ProxyServer& server);
  bool CheckHeaders(const HeaderList& headers, const std::string& path);
  bool SetCredentials(const ProxySettings& settings, const std::string& path, ProxyServer& server);
  bool SetTls(const ProxySettings& settings, const std::string& path, ProxyServer& server);
  // Always false.
  bool Bad(const std::string& path, ConfigCause cause, std::string why);

  InputReader& inputs_;
  const ReportProblem& report_;
  const ListenOptions& own_;
  const TlsProfilesByName& tls_;
};

}  // namespace spillway
