#include "server/config_binding.h"

#include <string>
#include <utility>

#include "server/config_visit.h"

namespace spillway {
namespace {

using Reader = ConfigReader;
using Writer = ConfigWriter;

constexpr char kAllow[] = "allow";
constexpr char kRefuse[] = "refuse";

// The lists. `Limits` is the struct, const when it is only read.

// All but the list of gRPC addresses.
template <typename Visit, typename Options>
void BindListen(const Visit& visit, Options& options) {
  visit("http", options.http);
  visit("admin", options.admin);
  visit("allow_insecure_remote", options.allow_insecure_remote);
}

template <typename Visit, typename Files>
void BindListenTls(const Visit& visit, Files& files) {
  visit("certificate_file", files.certificate_file);
  visit("key_file", files.key_file);
  visit("client_ca_file", files.client_ca_file);
  visit("require_client_certificate", files.require_client_certificate);
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
  visit("max_streams", limits.max_streams);
  visit("target_streams", limits.target_streams);
  visit("backoff_initial", limits.backoff_initial);
  visit("backoff_max", limits.backoff_max);
}

template <typename Visit, typename Limits>
void BindTimeouts(const Visit& visit, Limits& limits) {
  visit("total", limits.total);
  visit("connect", limits.connect);
  visit("tls_handshake", limits.tls_handshake);
  visit("proxy", limits.proxy);
  visit("connect_attempt_gap", limits.connect_attempt_gap);
  visit("write_stall", limits.write_stall);
  visit("response_header", limits.response_header);
  visit("body_stall", limits.body_stall);
  visit("caller_stall", limits.caller_stall);
  visit("expect_continue", limits.expect_continue);
  visit("tunnel_idle", limits.tunnel_idle);
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
  visit("budget_per_second", limits.budget_per_second);
  visit("statuses", limits.statuses);
  visit("on_connect_failure", limits.on_connect_failure);
  visit("on_reset", limits.on_reset);
  visit("backoff_initial", limits.backoff_initial);
  visit("backoff_max", limits.backoff_max);
  visit("retry_after_max", limits.retry_after_max);
  visit("replay_buffer_bytes", limits.replay_buffer_bytes);
}

template <typename Visit, typename Limits>
void BindStream(const Visit& visit, Limits& limits) {
  visit("allow_upgrade", limits.allow_upgrade);
  visit("allow_connect", limits.allow_connect);
  visit("buffer_bytes", limits.buffer_bytes);
}

template <typename Visit, typename Limits>
void BindClient(const Visit& visit, Limits& limits) {
  visit("decompression", limits.decompression);
  visit("brotli", limits.brotli);
  visit("zstd", limits.zstd);
  visit("max_expansion", limits.max_expansion);
}

template <typename Visit, typename Limits>
void BindCookies(const Visit& visit, Limits& limits) {
  visit("enabled", limits.enabled);
  visit("allow_anonymous", limits.allow_anonymous);
  visit("max_jars", limits.max_jars);
  visit("max_cookies_per_jar", limits.max_cookies_per_jar);
  visit("max_bytes", limits.max_bytes);
  visit("idle_timeout", limits.idle_timeout);
}

template <typename Visit, typename Limits>
void BindHttp2(const Visit& visit, Limits& limits) {
  visit("stream_window", limits.stream_window);
  visit("connection_window", limits.connection_window);
  visit("settings_timeout", limits.settings_timeout);
  visit("ping_interval", limits.ping_interval);
  visit("ping_timeout", limits.ping_timeout);
  visit("control_burst", limits.control_burst);
  visit("control_per_second", limits.control_per_second);
  visit("reset_burst", limits.reset_burst);
  visit("reset_per_second", limits.reset_per_second);
}

template <typename Visit, typename Choice>
void BindAddresses(const Visit& visit, Choice& choice) {
  visit("family", choice.family);
  visit("source", choice.source);
  visit("static", choice.static_addresses);
  visit("host_alias", choice.host_alias);
}

template <typename Visit, typename Settings>
void BindProxyChoice(const Visit& visit, Settings& settings) {
  visit("mode", settings.proxy_mode);
  visit("servers", settings.proxy_servers);
  visit("no_proxy", settings.no_proxy);
  visit("then_direct", settings.then_direct);
}

// All of a destination that has no message of its own.
template <typename Visit, typename Target>
void BindDestination(const Visit& visit, Target& destination) {
  visit("protocol", destination.protocol);
  visit("isolate_tenants", destination.isolate_tenants);
  visit("trace_attempts", destination.trace_attempts);
}

template <typename Visit, typename Settings>
void BindTlsProfile(const Visit& visit, Settings& settings) {
  visit("name", settings.name);
  visit("sni", settings.sni);
  visit("verify_name", settings.verify_name);
  visit("min_version", settings.min_version);
  visit("max_version", settings.max_version);
  visit("ciphers", settings.ciphers);
  visit("cipher_suites", settings.cipher_suites);
  visit("groups", settings.groups);
  visit("pins", settings.pins);
  visit("resumption", settings.resumption);
  visit("insecure", settings.insecure);
}

template <typename Visit, typename Settings>
void BindRoots(const Visit& visit, Settings& settings) {
  visit("system", settings.system_roots);
  visit("files", settings.root_files);
  visit("inline", settings.inline_roots);
}

template <typename Visit, typename Settings>
void BindCertificate(const Visit& visit, Settings& settings) {
  visit("certificate_file", settings.certificate_file);
  visit("key_file", settings.key_file);
}

template <typename Visit, typename Settings>
void BindProxy(const Visit& visit, Settings& settings) {
  visit("name", settings.name);
  visit("url", settings.url);
  visit("kind", settings.kind);
  visit("host", settings.host);
  visit("tls_profile", settings.tls_profile);
  visit("tunnel_http", settings.tunnel_http);
}

template <typename Visit, typename Settings>
void BindCredentials(const Visit& visit, Settings& settings) {
  visit("file", settings.credential_file);
  visit("environment", settings.credential_variable);
}

// `message` is config::v1::Defaults or config::v1::Destination.
template <typename LimitsMessage>
void ReadLimits(const LimitsMessage& message, Destination& destination, RouteSettings& route) {
  BindPool(Reader(message.pool()), destination.pool);
  BindTimeouts(Reader(message.timeouts()), destination.timeouts);
  BindResponse(Reader(message.response()), destination.response);
  BindRetry(Reader(message.retry()), destination.retry);
  BindStream(Reader(message.stream()), destination.stream);
  BindClient(Reader(message.client()), destination.client);
  BindHttp2(Reader(message.http2()), destination.http2);
  BindAddresses(Reader(message.addresses()), destination.addresses);
  const Reader reader(message);
  BindDestination(reader, destination);
  reader("tls_profile", route.tls_profile);
  if (!message.has_proxy()) return;
  // A part of one choice and a part of another would make a third that nobody wrote.
  RouteSettings own;
  own.tls_profile = route.tls_profile;
  BindProxyChoice(Reader(message.proxy()), own);
  route = std::move(own);
}

template <typename LimitsMessage>
void WriteLimits(const Destination& destination, const RouteSettings& route,
                 LimitsMessage& message) {
  BindPool(Writer(*message.mutable_pool()), destination.pool);
  BindTimeouts(Writer(*message.mutable_timeouts()), destination.timeouts);
  BindResponse(Writer(*message.mutable_response()), destination.response);
  BindRetry(Writer(*message.mutable_retry()), destination.retry);
  BindStream(Writer(*message.mutable_stream()), destination.stream);
  BindClient(Writer(*message.mutable_client()), destination.client);
  BindHttp2(Writer(*message.mutable_http2()), destination.http2);
  BindAddresses(Writer(*message.mutable_addresses()), destination.addresses);
  const Writer writer(message);
  BindDestination(writer, destination);
  writer("tls_profile", route.tls_profile);
  BindProxyChoice(Writer(*message.mutable_proxy()), route);
  message.mutable_proxy()->set_mode(std::string(Label(route.ProxyMode())));
}

void ReadProfiles(const config::v1::Config& message, Config& config) {
  for (const config::v1::TlsProfile& entry : message.tls_profiles()) {
    TlsProfileSettings& settings = config.tls_profiles.emplace_back();
    BindTlsProfile(Reader(entry), settings);
    BindRoots(Reader(entry.roots()), settings);
    BindCertificate(Reader(entry.certificate()), settings);
  }
  for (const config::v1::Proxy& entry : message.proxies()) {
    ProxySettings& settings = config.proxies.emplace_back();
    BindProxy(Reader(entry), settings);
    BindCredentials(Reader(entry.credentials()), settings);
    settings.port = entry.port();
    for (const config::v1::ConnectHeader& header : entry.connect_headers()) {
      settings.connect_headers.Add(header.name(), header.value());
    }
  }
}

void WriteProfiles(const Config& config, config::v1::Config& message) {
  for (const TlsProfileSettings& settings : config.tls_profiles) {
    config::v1::TlsProfile& entry = *message.add_tls_profiles();
    BindTlsProfile(Writer(entry), settings);
    BindRoots(Writer(*entry.mutable_roots()), settings);
    entry.mutable_roots()->set_system(settings.UsesSystemRoots());
    if (!settings.certificate_file.empty()) {
      BindCertificate(Writer(*entry.mutable_certificate()), settings);
    }
  }
  for (const ProxySettings& settings : config.proxies) {
    config::v1::Proxy& entry = *message.add_proxies();
    BindProxy(Writer(entry), settings);
    if (settings.port != 0) entry.set_port(settings.port);
    if (!settings.credential_file.empty() || !settings.credential_variable.empty()) {
      BindCredentials(Writer(*entry.mutable_credentials()), settings);
    }
    for (const HeaderField& field : settings.connect_headers) {
      config::v1::ConnectHeader& header = *entry.add_connect_headers();
      header.set_name(field.name);
      header.set_value(field.value);
    }
  }
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
  BindListenTls(Reader(listen.tls()), config.listen.tls);
  BindFront(Reader(message.front()), config.front);
  BindDrain(Reader(message.drain()), config.drain);
  BindProcess(Reader(message.process()), config.process);
  BindCookies(Reader(message.cookies()), config.cookies);

  BindRequest(Reader(message.request()), parts.request);
  parts.fallback.refuse = message.unmatched() == kRefuse;
  ReadProfiles(message, config);
  ReadLimits(message.defaults(), parts.fallback, config.default_route);
  for (const config::v1::Destination& entry : message.destinations()) {
    Destination destination = parts.fallback;
    RouteSettings route = config.default_route;
    destination.refuse = false;
    destination.name = entry.name();
    for (const config::v1::Match& match : entry.matches()) {
      destination.matches.push_back(ReadMatch(match));
    }
    ReadLimits(entry, destination, route);
    parts.destinations.push_back(std::move(destination));
    config.routes.push_back(std::move(route));
  }
}

config::v1::Config WriteConfigMessage(const Config& config) {
  config::v1::Config message;
  config::v1::Listen& listen = *message.mutable_listen();
  for (const std::string& address : config.listen.grpc) listen.add_grpc(address);
  BindListen(Writer{listen}, config.listen);
  if (!config.listen.tls.certificate_file.empty()) {
    BindListenTls(Writer(*listen.mutable_tls()), config.listen.tls);
  }
  BindFront(Writer(*message.mutable_front()), config.front);
  BindDrain(Writer(*message.mutable_drain()), config.drain);
  BindProcess(Writer(*message.mutable_process()), config.process);
  BindCookies(Writer(*message.mutable_cookies()), config.cookies);

  BindRequest(Writer(*message.mutable_request()), config.policy->request_limits());
  const Policy& policy = *config.policy;
  message.set_unmatched(policy.fallback().refuse ? kRefuse : kAllow);
  WriteProfiles(config, message);
  WriteLimits(policy.fallback(), config.default_route, *message.mutable_defaults());
  for (std::size_t i = 0; i < policy.destinations().size(); ++i) {
    const Destination& destination = policy.destinations()[i];
    config::v1::Destination& entry = *message.add_destinations();
    entry.set_name(destination.name);
    for (const DestinationMatch& match : destination.matches) {
      WriteMatch(match, *entry.add_matches());
    }
    WriteLimits(destination, config.routes[i], entry);
  }
  return message;
}

}  // namespace spillway
