// Why a round trip, a dial or an exchange did not succeed, as a value.
//
// What it is: one Failure carries the facts of api.md's EgressError: what happened (Reason), who
// failed (Source), when (Phase) and whether the origin may have acted (Delivery). It is made once,
// where the failure happens, and mapped once, in server/status_map.h.
// Thread safety: plain values.
// Invariants: `message` and `field` never hold a header value, a credential, or any other bytes
// of the caller's or the origin's content; origin-derived text is escaped (EscapeForError).

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

#include "transport/base/instant.h"

namespace spillway {

// What happened. Closed list; Label() gives the metric label and the wire enum has the same
// members. Words are RFC 9209's Proxy-Status error types where one fits.
enum class Reason : std::uint8_t {
  kNone,
  // The caller's request.
  kHttpRequestError,   // malformed request; `field` names what
  kUnimplemented,      // an option this version cannot honour; `field` names it
  kHttpRequestDenied,  // refused by policy
  kCancelled,          // the caller cancelled
  kDeadlineExceeded,   // the caller's deadline or options.timeout; `phase` says where
  // The pool.
  kPoolQueueFull,
  kPoolQueueTimeout,
  kConnectionLimitReached,
  kDraining,
  // Names and dialling.
  kDnsTimeout,
  kDnsError,
  kDestinationNotFound,      // the name does not exist
  kDestinationIpProhibited,  // every address was refused by the address policy
  kDestinationIpUnroutable,  // no route to any address
  kConnectionRefused,
  kConnectionTimeout,
  kConnectionError,  // any other failure to connect
  // On a connection.
  kConnectionTerminated,  // closed or reset before a complete response
  kConnectionReadTimeout,
  kConnectionWriteTimeout,   // no progress writing the request
  kHttpResponseTimeout,      // no response head in time
  kHttpResponseBodyTimeout,  // the body stalled
  // The response.
  kHttpResponseIncomplete,  // cut short of its own framing
  kHttpResponseHeaderSectionSize,
  kHttpResponseHeaderSize,  // one line too long
  kHttpResponseBodySize,
  kHttpResponseTrailerSectionSize,
  kHttpResponseTransferCoding,
  kHttpProtocolError,
  kHttpUpgradeFailed,  // 101 that nobody asked for
  // Us.
  kInternalError,
  // Proxies. Failing to reach one has the reasons of dialling, with Source::kProxy.
  kProxyTimeout,                 // the proxy did not answer in time
  kProxyAuthenticationRequired,  // 407, or SOCKS5 wants other credentials
  kProxyDenied,                  // it would not open the tunnel; `proxy_status` has its answer
  kProxyProtocolError,           // it does not speak what policy says
  kProxyConfigurationError,      // policy names no proxy that can be used
  // TLS; Source::kProxy when it is the proxy's, else kTls.
  kTlsTimeout,
  kTlsCertificateError,  // the peer's certificate failed the check that the message names
  kTlsAlertReceived,     // the peer refused us: often our certificate, or the lack of one
  kTlsProtocolError,     // any other failure of a handshake or a record
  // HTTP/2.
  kHttpStreamRefused,      // not processed (REFUSED_STREAM, or above GOAWAY's last id)
  kHttpStreamReset,        // RST_STREAM with any other code
  kHttpDowngradeRequired,  // the origin wants this request over HTTP/1.1
  // What http.Client does.
  kHttpResponseContentCoding,  // the body is not what its Content-Encoding says, or expands too far
  kReasonCount,
};

// Who failed.
enum class Source : std::uint8_t {
  kNone,
  kCaller,
  kPolicy,
  kPool,
  kDns,
  kProxy,
  kTls,
  kOrigin,
  kService
};

// When it failed. Also the metric label `phase`, in lower case.
enum class Phase : std::uint8_t {
  kNone,
  kQueue,
  kDns,
  kConnect,
  kProxy,
  kTls,
  kWrite,
  kFirstByte,
  kBody
};

// What the origin may have seen. Only ever moves down this list within a round trip.
enum class Delivery : std::uint8_t {
  kNone,
  kNotSent,      // no byte of the request reached a socket
  kUnprocessed,  // the origin said that it did not act (GOAWAY, REFUSED_STREAM)
  kUnknown,      // it may have acted
  kAnswered,     // response headers had arrived
};

struct DialStep;  // transport/base/dial_step.h

struct Failure {
  Reason reason = Reason::kInternalError;
  Source source = Source::kService;
  Phase phase = Phase::kNone;
  Delivery delivery = Delivery::kNotSent;
  std::string message = {};           // for people; at most kMaxFailureMessage bytes
  std::string field = {};             // the request field at fault, for kCaller
  std::uint32_t response_status = 0;  // when a response head had arrived
  std::uint32_t proxy_status = 0;     // the proxy's answer to CONNECT, or its SOCKS5 reply code
  std::shared_ptr<const std::vector<DialStep>> dial = {};  // of a dial: what it did until then
  // Until then we shall not ask again ourselves, and whoever needs it fails the same. kNever: not
  // known.
  Instant retry_at = kNever;
};

inline constexpr std::size_t kMaxFailureMessage = 480;

template <typename T>
using Result = boost::system::result<T, Failure>;

// Lower-case label of the wire enum's member without prefix, e.g. "connection_refused";
// Reason::kNone gives "".
std::string_view Label(Reason reason);
std::string_view Label(Source source);
std::string_view Label(Phase phase);
std::string_view Label(Delivery delivery);

// A caller's mistake: INVALID_ARGUMENT naming `field`. `why` must not contain the value.
Failure BadRequest(std::string_view field, std::string_view why);

// An option this version cannot honour: UNIMPLEMENTED naming `field`.
Failure Unimplemented(std::string_view field);

// Printable ASCII of `text`, everything else as \xNN, cut at `max` output bytes (case C-077).
std::string EscapeForError(std::string_view text, std::size_t max = 120);

// Needed by boost::system::result<T, Failure>::value(); we use has_value()/operator* instead, so
// reaching this is a bug and aborts.
[[noreturn]] void throw_exception_from_error(const Failure& failure,
                                             const boost::source_location& where);

}  // namespace spillway
