#include "server/config_binding.h"

#include <optional>
#include <string>
#include <string_view>

#include "server/config_values.h"
#include "transport/base/check.h"

namespace spillway {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The field called `name`; a name that the schema lacks is a slip of ours.
const FieldDescriptor& FieldOf(const Message& message, const char* name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  SPILLWAY_CHECK(field != nullptr);
  return *field;
}

// Message to struct: a field that is not set leaves the member alone.
class Reader {
 public:
  explicit Reader(const Message& message) : message_(message) {}

  void operator()(const char* name, std::uint32_t& member) const {
    if (const auto* field = Set(name)) member = Reflect().GetUInt32(message_, field);
  }
  void operator()(const char* name, std::uint64_t& member) const {
    if (const auto* field = Set(name)) member = Reflect().GetUInt64(message_, field);
  }
  void operator()(const char* name, double& member) const {
    if (const auto* field = Set(name)) member = Reflect().GetDouble(message_, field);
  }
  void operator()(const char* name, bool& member) const {
    if (const auto* field = Set(name)) member = Reflect().GetBool(message_, field);
  }
  void operator()(const char* name, std::string& member) const {
    if (const auto* field = Set(name)) member = Reflect().GetString(message_, field);
  }
  void operator()(const char* name, Duration& member) const {
    std::string text;
    (*this)(name, text);
    if (text.empty()) return;
    const std::optional<Duration> value = ParseDuration(text);
    SPILLWAY_CHECK(value.has_value());
    member = *value;
  }

 private:
  const google::protobuf::Reflection& Reflect() const { return *message_.GetReflection(); }
  const FieldDescriptor* Set(const char* name) const {
    const FieldDescriptor& field = FieldOf(message_, name);
    return Reflect().HasField(message_, &field) ? &field : nullptr;
  }

  const Message& message_;
};

// Struct to message: every member is written.
class Writer {
 public:
  explicit Writer(Message& message) : message_(message) {}

  void operator()(const char* name, std::uint32_t member) const {
    Reflect().SetUInt32(&message_, &FieldOf(message_, name), member);
  }
  void operator()(const char* name, std::uint64_t member) const {
    Reflect().SetUInt64(&message_, &FieldOf(message_, name), member);
  }
  void operator()(const char* name, double member) const {
    Reflect().SetDouble(&message_, &FieldOf(message_, name), member);
  }
  void operator()(const char* name, bool member) const {
    Reflect().SetBool(&message_, &FieldOf(message_, name), member);
  }
  void operator()(const char* name, const std::string& member) const {
    Reflect().SetString(&message_, &FieldOf(message_, name), member);
  }
  void operator()(const char* name, Duration member) const {
    (*this)(name, FormatDuration(member));
  }

 private:
  const google::protobuf::Reflection& Reflect() const { return *message_.GetReflection(); }

  Message& message_;
};

// The lists. `Limits` is the struct, const when it is only read.

// All but the list of gRPC addresses.
template <typename Visit, typename Options>
void BindListen(const Visit& visit, Options& options) {
  visit("http", options.http);
  visit("admin", options.admin);
}

template <typename Visit, typename Limits>
void BindFront(const Visit& visit, Limits& limits) {
  visit("max_request_message_bytes", limits.max_request_message_bytes);
  visit("max_response_bytes", limits.max_response_bytes);
  visit("max_active_round_trips", limits.max_active_round_trips);
  visit("max_connections", limits.max_connections);
  visit("max_streams_per_connection", limits.max_streams_per_connection);
  visit("max_connection_age", limits.max_connection_age);
  visit("max_connection_age_grace", limits.max_connection_age_grace);
  visit("min_ping_interval", limits.min_ping_interval);
}

template <typename Visit, typename Options>
void BindDrain(const Visit& visit, Options& options) {
  visit("lame_duck", options.lame_duck);
  visit("grace", options.grace);
}

template <typename Visit, typename Limits>
void BindProcess(const Visit& visit, Limits& limits) {
  visit("max_connections", limits.max_connections);
  visit("loops", limits.loops);
  visit("resolver_threads", limits.resolver_threads);
  visit("max_pending_lookups", limits.max_pending_lookups);
  visit("dns_positive_ttl", limits.dns_positive_ttl);
  visit("dns_negative_ttl", limits.dns_negative_ttl);
  visit("max_dns_entries", limits.max_dns_entries);
  visit("max_addresses", limits.max_addresses);
}

template <typename Visit, typename Limits>
void BindRequest(const Visit& visit, Limits& limits) {
  visit("max_header_fields", limits.max_fields);
  visit("max_header_bytes", limits.max_bytes);
}

template <typename Visit, typename Limits>
void BindPool(const Visit& visit, Limits& limits) {
  visit("max_connections", limits.max_connections);
  visit("max_idle", limits.max_idle);
  visit("max_waiters", limits.max_waiters);
  visit("max_dials", limits.max_dials);
  visit("queue_timeout", limits.queue_timeout);
  visit("idle_timeout", limits.idle_timeout);
  visit("keep_alive_margin", limits.keep_alive_margin);
  visit("max_age", limits.max_age);
  visit("max_age_jitter", limits.max_age_jitter);
  visit("max_uses", limits.max_uses);
  visit("backoff_initial", limits.backoff_initial);
  visit("backoff_max", limits.backoff_max);
}

template <typename Visit, typename Limits>
void BindTimeouts(const Visit& visit, Limits& limits) {
  visit("total", limits.total);
  visit("connect", limits.connect);
  visit("connect_attempt_gap", limits.connect_attempt_gap);
  visit("write_stall", limits.write_stall);
  visit("response_header", limits.response_header);
  visit("body_stall", limits.body_stall);
}

template <typename Visit, typename Limits>
void BindResponse(const Visit& visit, Limits& limits) {
  visit("max_status_line_bytes", limits.max_status_line_bytes);
  visit("max_header_bytes", limits.max_header_bytes);
  visit("max_header_fields", limits.max_header_fields);
  visit("max_informational", limits.max_informational);
  visit("max_chunk_line_bytes", limits.max_chunk_line_bytes);
  visit("max_chunk_overhead_bytes", limits.max_chunk_overhead_bytes);
  visit("keep_alive_http10", limits.keep_alive_http10);
}

template <typename Visit, typename Limits>
void BindRetry(const Visit& visit, Limits& limits) {
  visit("max_attempts", limits.max_attempts);
  visit("budget_ratio", limits.budget_ratio);
  visit("budget_burst", limits.budget_burst);
}

// `message` is config::v1::Defaults or config::v1::Destination.
template <typename LimitsMessage>
void ReadLimits(const LimitsMessage& message, Destination& destination) {
  BindPool(Reader(message.pool()), destination.pool);
  BindTimeouts(Reader(message.timeouts()), destination.timeouts);
  BindResponse(Reader(message.response()), destination.response);
  BindRetry(Reader(message.retry()), destination.retry);
}

template <typename LimitsMessage>
void WriteLimits(const Destination& destination, LimitsMessage& message) {
  BindPool(Writer(*message.mutable_pool()), destination.pool);
  BindTimeouts(Writer(*message.mutable_timeouts()), destination.timeouts);
  BindResponse(Writer(*message.mutable_response()), destination.response);
  BindRetry(Writer(*message.mutable_retry()), destination.retry);
}

DestinationMatch ReadMatch(const config::v1::Match& message) {
  DestinationMatch match;
  match.scheme = message.scheme();
  match.host = message.host();
  for (const std::uint32_t port : message.ports()) {
    match.ports.push_back(static_cast<std::uint16_t>(port));
  }
  return match;
}

void WriteMatch(const DestinationMatch& match, config::v1::Match& message) {
  if (!match.scheme.empty()) message.set_scheme(match.scheme);
  message.set_host(match.host);
  for (const std::uint16_t port : match.ports) message.add_ports(port);
}

}  // namespace

void ReadConfigMessage(const config::v1::Config& message, Config& config, PolicyParts& parts) {
  const config::v1::Listen& listen = message.listen();
  if (listen.grpc_size() > 0) config.listen.grpc.assign(listen.grpc().begin(), listen.grpc().end());
  BindListen(Reader{listen}, config.listen);
  BindFront(Reader(message.front()), config.front);
  BindDrain(Reader(message.drain()), config.drain);
  BindProcess(Reader(message.process()), config.process);

  BindRequest(Reader(message.request()), parts.request);
  ReadLimits(message.defaults(), parts.fallback);
  for (const config::v1::Destination& entry : message.destinations()) {
    Destination destination = parts.fallback;
    destination.name = entry.name();
    for (const config::v1::Match& match : entry.matches()) {
      destination.matches.push_back(ReadMatch(match));
    }
    ReadLimits(entry, destination);
    parts.destinations.push_back(std::move(destination));
  }
}

config::v1::Config WriteConfigMessage(const Config& config) {
  config::v1::Config message;
  config::v1::Listen& listen = *message.mutable_listen();
  for (const std::string& address : config.listen.grpc) listen.add_grpc(address);
  BindListen(Writer{listen}, config.listen);
  BindFront(Writer(*message.mutable_front()), config.front);
  BindDrain(Writer(*message.mutable_drain()), config.drain);
  BindProcess(Writer(*message.mutable_process()), config.process);

  BindRequest(Writer(*message.mutable_request()), config.policy->request_limits());
  WriteLimits(config.policy->fallback(), *message.mutable_defaults());
  for (const Destination& destination : config.policy->destinations()) {
    config::v1::Destination& entry = *message.add_destinations();
    entry.set_name(destination.name);
    for (const DestinationMatch& match : destination.matches) {
      WriteMatch(match, *entry.add_matches());
    }
    WriteLimits(destination, entry);
  }
  return message;
}

}  // namespace spillway
