#include "transport/client/public_suffix.h"

#include <libpsl.h>

#include "transport/base/check.h"

namespace spillway {
namespace {

const psl_ctx_t& List() {
  // Never freed: it is as old as the first jar, and as the process.
  static const psl_ctx_t* const list = [] {
    const psl_ctx_t* latest = psl_latest(nullptr);
    return latest != nullptr ? latest : psl_builtin();
  }();
  SPILLWAY_CHECK(list != nullptr);
  return *list;
}

}  // namespace

bool IsPublicSuffix(const std::string& host) {
  return psl_is_public_suffix(&List(), host.c_str()) != 0;
}

std::string SiteOf(const std::string& host) {
  const char* domain = psl_registrable_domain(&List(), host.c_str());
  return domain != nullptr ? std::string(domain) : host;
}

}  // namespace spillway
