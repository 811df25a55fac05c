#include "tests/integration/real_origins.h"

#include <filesystem>
#include <fstream>
#include <set>

#include "tests/harness/await.h"

namespace spillway {
namespace {

// Each line of the access log begins with what names a connection.
constexpr const char* kNginxConfig = R"(
daemon off;
master_process off;
worker_processes 1;
pid FOLDER/pid;
error_log FOLDER/error.log;
events { worker_connections 512; }
http {
  log_format counted '$connection $connection_requests';
  access_log FOLDER/access.log counted;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
  keepalive_requests 1000000;
  keepalive_timeout 60s;
  server {
    listen 127.0.0.1:PORT;
    root FOLDER/www;
  }
}
)";

constexpr const char* kApacheConfig = R"(
ServerRoot FOLDER
ServerName localhost
DefaultRuntimeDir FOLDER
PidFile FOLDER/pid
ErrorLog FOLDER/error.log
Mutex file:FOLDER default
Listen 127.0.0.1:PORT
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
User nobody
Group nogroup
ServerLimit 1
ThreadLimit 256
StartServers 1
ThreadsPerChild 256
MaxRequestWorkers 256
MinSpareThreads 1
MaxSpareThreads 256
KeepAlive On
KeepAliveTimeout 60
MaxKeepAliveRequests 0
DocumentRoot FOLDER/www
<Directory FOLDER/www>
  Require all granted
</Directory>
LogFormat "%{remote}p %k" counted
CustomLog FOLDER/access.log counted
)";

ServerProcess::Plan PlanFor(RealOrigin::Kind kind, const std::string& folder, std::uint16_t port) {
  MakeServedFile(folder);
  if (kind == RealOrigin::Kind::kNginx) {
    return {
        FillConfig(kNginxConfig, folder, port),
        {"/usr/sbin/nginx", "-e", folder + "/error.log", "-p", folder, "-c", folder + "/config"}};
  }
  return {FillConfig(kApacheConfig, folder, port),
          {"/usr/sbin/apache2", "-f", folder + "/config", "-DFOREGROUND"}};
}

}  // namespace

std::string FillConfig(std::string text, const std::string& folder, std::uint16_t port) {
  const auto replace = [&](const std::string& mark, const std::string& value) {
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
      text.replace(at, mark.size(), value);
    }
  };
  replace("FOLDER", folder);
  replace("PORT", std::to_string(port));
  return text;
}

void MakeServedFile(const std::string& folder) {
  namespace fs = std::filesystem;
  fs::create_directory(folder + "/www");
  std::ofstream(folder + "/www/file.txt") << kRealBody;
  // Servers started by root read it as somebody else.
  for (fs::path path = folder; path != path.root_path() && path != "/tmp";
       path = path.parent_path()) {
    std::error_code ignored;
    fs::permissions(path, fs::perms::others_exec | fs::perms::group_exec, fs::perm_options::add,
                    ignored);
  }
  fs::permissions(folder + "/www", fs::perms(0755));
  fs::permissions(folder + "/www/file.txt", fs::perms(0644));
}

RealOrigin::RealOrigin(Kind kind)
    : server_([kind](const std::string& folder, std::uint16_t port) {
        return PlanFor(kind, folder, port);
      }) {}

AccessCount RealOrigin::Count(std::uint64_t requests) const {
  const std::string log = server_.folder() + "/access.log";
  AwaitThat([&] { return LinesOf(log).size() >= requests; });
  AccessCount count;
  std::set<std::string> connections;
  for (const std::string& line : LinesOf(log)) {
    ++count.requests;
    connections.insert(line.substr(0, line.find(' ')));
  }
  count.connections = connections.size();
  return count;
}

}  // namespace spillway
