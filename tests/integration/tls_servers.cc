#include "tests/integration/tls_servers.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/harness/await.h"
#include "tests/harness/test_tls.h"
#include "tests/integration/real_origins.h"

namespace spillway {
namespace {

using Kind = TlsServerProcess::Kind;

// The ticket key is a file, so that sessions outlive the process.
constexpr const char* kNginx = R"(
daemon off;
worker_processes 2;
worker_shutdown_timeout 10s;
pid FOLDER/pid;
error_log FOLDER/error.log;
events { worker_connections 1024; }
http {
  log_format told '$connection $server_protocol $ssl_session_reused <$ssl_server_name> '
                  '<$ssl_client_s_dn>';
  access_log FOLDER/access.log told;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
  keepalive_requests 1000000;
  keepalive_timeout 60s;
  ssl_session_ticket_key FOLDER/ticket.key;
  ssl_session_cache off;
  ssl_protocols TLSv1.2 TLSv1.3;
  SERVERS
}
)";

constexpr const char* kOneServer = R"(
  server {
    listen 127.0.0.1:PORT ssl http2;
    ssl_certificate FOLDER/origin.pem;
    ssl_certificate_key FOLDER/origin.key;
    CLIENTS
    root FOLDER/www;
  }
)";

constexpr const char* kTwoNames = R"(
  server {
    listen 127.0.0.1:PORT ssl http2;
    server_name origin.test;
    ssl_certificate FOLDER/origin.pem;
    ssl_certificate_key FOLDER/origin.key;
    location / { return 200 "origin"; }
  }
  server {
    listen 127.0.0.1:PORT ssl http2;
    server_name other.test;
    ssl_certificate FOLDER/other.pem;
    ssl_certificate_key FOLDER/other.key;
    location / { return 200 "other"; }
  }
)";

constexpr const char* kApache = R"(
ServerRoot FOLDER
ServerName origin.test
DefaultRuntimeDir FOLDER
PidFile FOLDER/pid
ErrorLog FOLDER/error.log
Mutex file:FOLDER default
Listen 127.0.0.1:PORT
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so
User nobody
Group nogroup
ServerLimit 1
StartServers 1
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers 128
KeepAlive On
KeepAliveTimeout 60
MaxKeepAliveRequests 0
Protocols h2 http/1.1
SSLEngine on
SSLCertificateFile FOLDER/origin.pem
SSLCertificateKeyFile FOLDER/origin.key
DocumentRoot FOLDER/www
<Directory FOLDER/www>
  Require all granted
</Directory>
)";

constexpr const char* kCaddy = R"({
	admin off
	auto_https off
	storage file_system FOLDER/caddy
	servers {
		protocols h1 h2
	}
}
https://origin.test:PORT {
	bind 127.0.0.1
	tls FOLDER/origin.pem FOLDER/origin.key
	root * FOLDER/www
	file_server
}
)";

void Replace(std::string& text, const std::string& mark, const std::string& value) {
  const std::size_t at = text.find(mark);
  if (at != std::string::npos) text.replace(at, mark.size(), value);
}

void WriteKeys(const std::string& folder) {
  const TlsKeys& keys = TestTls().keys;
  for (const char* name : {"origin", "other"}) {
    const TlsIdentity& identity = keys.identities.at(name);
    std::ofstream(folder + "/" + name + ".pem") << identity.certificate_pem;
    std::ofstream(folder + "/" + name + ".key") << identity.key_pem;
  }
  std::ofstream(folder + "/clients.pem") << keys.authorities_pem.at("clients");
  std::ofstream(folder + "/ticket.key") << keys.ticket_key;
}

ServerProcess::Plan Nginx(const std::string& servers, const std::string& clients,
                          const std::string& folder, std::uint16_t port) {
  std::string config = kNginx;
  Replace(config, "SERVERS", servers);
  Replace(config, "CLIENTS", clients);
  return {FillConfig(config, folder, port),
          {"/usr/sbin/nginx", "-e", folder + "/error.log", "-p", folder, "-c", folder + "/config"}};
}

ServerProcess::Plan PlanFor(Kind kind, const std::string& folder, std::uint16_t port) {
  if (!std::filesystem::exists(folder + "/www")) MakeServedFile(folder);
  WriteKeys(folder);
  switch (kind) {
    case Kind::kNginx:
      return Nginx(kOneServer, "", folder, port);
    case Kind::kNginxClients:
      return Nginx(kOneServer, "ssl_client_certificate FOLDER/clients.pem; ssl_verify_client on;",
                   folder, port);
    case Kind::kNginxNames:
      return Nginx(kTwoNames, "", folder, port);
    case Kind::kApache:
      return {FillConfig(kApache, folder, port),
              {"/usr/sbin/apache2", "-f", folder + "/config", "-DFOREGROUND"}};
    case Kind::kNghttpd:
      return {"",
              {"/usr/sbin/nghttpd", "--address=127.0.0.1", "--htdocs=" + folder + "/www",
               std::to_string(port), folder + "/origin.key", folder + "/origin.pem"}};
    case Kind::kCaddy:
      return {FillConfig(kCaddy, folder, port),
              {"/usr/bin/env", "HOME=" + folder, "/usr/bin/caddy", "run", "--adapter", "caddyfile",
               "--config", folder + "/config"}};
  }
  return {};
}

}  // namespace

TlsServerProcess::TlsServerProcess(Kind kind)
    : server_([kind](const std::string& folder, std::uint16_t port) {
        return PlanFor(kind, folder, port);
      }) {}

std::string TlsServerProcess::url(const std::string& host) const {
  return "https://" + host + ":" + std::to_string(server_.port()) + "/file.txt";
}

void TlsServerProcess::Reload() const { server_.Signal(SIGHUP); }

std::vector<NginxRequest> TlsServerProcess::Log(std::uint64_t requests) const {
  const std::string path = server_.folder() + "/access.log";
  AwaitThat([&] { return LinesOf(path).size() >= requests; });
  std::vector<NginxRequest> log;
  for (const std::string& line : LinesOf(path)) {
    std::istringstream words(line);
    NginxRequest request;
    std::string resumed;
    words >> request.connection >> request.protocol >> resumed >> request.name;
    request.resumed = resumed == "r";
    request.name = request.name.substr(1, request.name.size() - 2);
    const std::size_t client = line.rfind('<');
    request.client = line.substr(client + 1, line.size() - client - 2);
    if (request.client == "-") request.client.clear();
    log.push_back(std::move(request));
  }
  return log;
}

}  // namespace spillway
