#include "server/stream_plan.h"

#include "transport/base/decimal.h"

namespace spillway {

Result<StreamPlan> PlanStream(const WireRequest& head) {
  StreamPlan plan;
  plan.length = head.content_length;
  plan.tunnel = head.method == "CONNECT" || head.headers.Has("Upgrade");
  plan.expect_continue = head.headers.HasToken("Expect", "100-continue");
  for (const HeaderField& field : head.headers) {
    if (!EqualsIgnoreCase(field.name, "Content-Length")) continue;
    const std::optional<std::uint64_t> length = ParseDecimal(field.value);
    if (!length.has_value()) break;  // the transport names it
    if (plan.length.has_value() && plan.length != length) {
      return BadRequest("content_length", "differs from the Content-Length header");
    }
    plan.length = length;
  }
  return plan;
}

}  // namespace spillway
