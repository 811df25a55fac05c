// What HTTP_PROXY, HTTPS_PROXY and NO_PROXY of a process said when they were read (N1 to N4).
//
// What it is: the variables, each in lower case first and then in upper case, the first that is not
// empty; parsed once. Unlike Go, a value that cannot be used is an error of every request it is for
// and not a way past the proxy (N3, P13).
// Thread safety: plain values; shared as immutable ones.
// Invariants: messages name the variable, never its value.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "transport/base/failure.h"
#include "transport/base/no_proxy.h"
#include "transport/base/proxy.h"
#include "transport/base/tls_profile.h"

namespace spillway {

struct ProxyEnvironment {
  // What requests of a scheme take; a null server: the variable is not set, they go direct. Errors:
  // kProxyConfigurationError.
  struct Choice {
    std::string variable;  // the name of the one that counts, "https_proxy"
    Result<ProxyServerPtr> server = ProxyServerPtr();
  };
  Choice http;   // also an error where REQUEST_METHOD is set: HTTP_PROXY may be a header field
                 // "Proxy" of a CGI request then (N4)
  Choice https;  // never used for http URLs, nor the other way round (N2)
  NoProxy no_proxy;
  std::string no_proxy_variable;
};

// The value of a variable; "" when it is not set.
using VariableLookup = std::function<std::string(const std::string& name)>;
// Fills ProxyServer::credential_digest.
using CredentialDigest =
    std::function<std::string(std::string_view user, std::string_view password)>;

// `proxy_tls` is how an https proxy is spoken to. Errors are inside, at what they concern.
std::shared_ptr<const ProxyEnvironment> ReadProxyEnvironment(const VariableLookup& lookup,
                                                             const CredentialDigest& digest,
                                                             const TlsProfilePtr& proxy_tls);

}  // namespace spillway
