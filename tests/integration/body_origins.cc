#include "tests/integration/body_origins.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/harness/await.h"
#include "tests/integration/real_origins.h"

namespace spillway {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNginx = R"(
daemon off;
master_process off;
worker_processes 1;
pid FOLDER/pid;
error_log FOLDER/error.log;
events { worker_connections 512; }
http {
  log_format told '$status $request_method -';
  access_log FOLDER/access.log told;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
  client_max_body_size 1g;
  server {
    listen 127.0.0.1:PORT PROTOCOL;
    root FOLDER/www;
    dav_methods PUT;
    location /trailed/ { alias FOLDER/www/; add_trailer X-Made-By nginx; }
    location /small/ { client_max_body_size 1k; }
  }
}
)";

constexpr const char* kApache = R"(
ServerRoot FOLDER
ServerName localhost
DefaultRuntimeDir FOLDER
PidFile FOLDER/pid
ErrorLog FOLDER/error.log
Mutex file:FOLDER default
Listen 127.0.0.1:PORT
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dav_module /usr/lib/apache2/modules/mod_dav.so
LoadModule dav_fs_module /usr/lib/apache2/modules/mod_dav_fs.so
PROTOCOL
User nobody
Group nogroup
ServerLimit 1
ThreadLimit 64
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
MinSpareThreads 1
MaxSpareThreads 64
KeepAlive On
DocumentRoot FOLDER/www
DavLockDB FOLDER/www/lock
<Directory FOLDER/www>
  Require all granted
  Dav On
</Directory>
<Location /small/>
  LimitRequestBody 1024
</Location>
LogFormat "%>s %m %{X-Sum}^ti" told
CustomLog FOLDER/access.log told
)";

constexpr const char* kApacheHttp2 =
    "LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so\nProtocols h2c";

ServerProcess::Plan PlanFor(BodyOrigin::Kind kind, const std::string& folder, std::uint16_t port) {
  MakeServedFile(folder);
  // Apache started by root takes files as somebody else.
  fs::permissions(folder + "/www", fs::perms(0777));
  fs::create_directories(folder + "/www/small");
  fs::permissions(folder + "/www/small", fs::perms(0777));
  const bool apache = kind == BodyOrigin::Kind::kApache || kind == BodyOrigin::Kind::kApacheHttp2;
  std::string config = FillConfig(apache ? kApache : kNginx, folder, port);
  std::string protocol;
  if (kind == BodyOrigin::Kind::kNginxHttp2) protocol = "http2";
  if (kind == BodyOrigin::Kind::kApacheHttp2) protocol = kApacheHttp2;
  const std::string mark = "PROTOCOL";
  config.replace(config.find(mark), mark.size(), protocol);
  if (apache) return {config, {"/usr/sbin/apache2", "-f", folder + "/config", "-DFOREGROUND"}};
  return {config,
          {"/usr/sbin/nginx", "-e", folder + "/error.log", "-p", folder, "-c", folder + "/config"}};
}

}  // namespace

BodyOrigin::BodyOrigin(Kind kind)
    : server_([kind](const std::string& folder, std::uint16_t port) {
        return PlanFor(kind, folder, port);
      }) {}

void BodyOrigin::Serve(const std::string& path, const std::string& content) const {
  const std::string file = server_.folder() + "/www" + path;
  std::ofstream(file, std::ios::binary) << content;
  fs::permissions(file, fs::perms(0644));
  // Apache calls the tag of a file that was changed within this second a weak one.
  fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(1));
}

std::string BodyOrigin::Taken(const std::string& path) const {
  std::ostringstream content;
  content << std::ifstream(server_.folder() + "/www" + path, std::ios::binary).rdbuf();
  return content.str();
}

std::vector<std::string> BodyOrigin::Log(std::size_t lines) const {
  const std::string log = server_.folder() + "/access.log";
  AwaitThat([&] { return LinesOf(log).size() >= lines; });
  return LinesOf(log);
}

}  // namespace spillway
