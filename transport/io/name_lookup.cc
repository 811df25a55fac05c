#include "transport/io/name_lookup.h"

namespace spillway {

Failure LookupFailure(Reason reason, const std::string& what) {
  Failure failure;
  failure.reason = reason;
  failure.source = Source::kDns;
  failure.phase = Phase::kDns;
  failure.delivery = Delivery::kNotSent;
  failure.message = "name lookup failed: " + what;
  return failure;
}

}  // namespace spillway
