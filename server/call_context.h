// The surroundings of a call, and what calls of every method tell about themselves.
//
// Thread safety: functions may be called from any thread; an AccessNote is its call's own.

#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "server/access_log.h"
#include "server/admission.h"
#include "server/call_observer.h"
#include "server/status_map.h"
#include "server/wire_exchange.h"
#include "transport/client/http_client.h"
#include "transport/transport.h"

namespace spillway {

class StreamHeadWatch;

// What calls need of their surroundings; all of it must outlive the gRPC server.
struct CallContext {
  Transport* transport = nullptr;
  HttpClient* client = nullptr;           // over that transport; EgressService puts in its own
  StreamHeadWatch* head_watch = nullptr;  // as well
  Admission* admission = nullptr;
  CallObserver* observer = nullptr;
  std::uint64_t max_response_bytes = 0;  // the most a caller may ask for
  CookieLimits cookies = {};             // of that client's jars
  AccessLog* access_log = nullptr;       // null: none
  bool identify = true;  // false spares looking, where no listener can tell who calls
};

// Who calls, told to the observer as well; "" for nobody in particular.
std::string Identify(const CallContext& context, const grpc::CallbackServerContext& grpc_context);

// The protocol a response came over, as HttpResponse.protocol has it.
std::string_view ProtocolOf(const ResponseHead& head, const RoundTripRecord& record);

// How much of the exchange an answer tells.
ExchangeParts PartsOf(ExchangeDetail detail);

// The line of one exchange in the access log.
class AccessNote {
 public:
  explicit AccessNote(const CallContext& context)
      : context_(context), started_(context.transport->Now()) {}

  bool wanted() const { return context_.access_log != nullptr && context_.access_log->wants_any(); }
  // Keeps what the log wants to know of the request.
  void Note(const std::string& method, const std::string& url);
  // Once, at the end; both may be null.
  void Write(const std::string& tenant, const Failure* failure, const RoundTripRecord* record);
  Instant started() const { return started_; }

 private:
  const CallContext& context_;
  const Instant started_;
  std::string method_;
  std::string url_;
};

}  // namespace spillway
