#include "tests/integration/real_proxies.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/harness/await.h"
#include "tests/integration/real_origins.h"

namespace spillway {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSquidConfig = R"(
http_port 127.0.0.1:PORT
pid_filename FOLDER/log/pid
cache_log FOLDER/log/cache
access_log stdio:FOLDER/log/access
cache deny all
cache_mem 8 MB
coredump_dir FOLDER/log
pinger_enable off
visible_hostname squid.test
shutdown_lifetime 0 seconds
acl denied port 7
http_access deny denied
)";

constexpr const char* kSquidLogin = R"(
auth_param basic program /usr/lib/squid/basic_ncsa_auth FOLDER/passwords
auth_param basic children 1
auth_param basic realm test
acl users proxy_auth REQUIRED
http_access allow users
http_access deny all
)";

// kProxyPassword as `openssl passwd -apr1` writes it.
constexpr const char* kPasswords = "user:$apr1$N0GqQ4Zq$ygwPxbgleNyscjJBEQp41.\n";

constexpr const char* kTinyproxyConfig = R"(
Port PORT
Listen 127.0.0.1
Timeout 60
LogLevel Connect
MaxClients 200
BasicAuth user user
Filter "FOLDER/filter"
FilterURLs On
FilterDefaultDeny No
)";

constexpr const char* kDanteConfig = R"(
logoutput: stderr
internal: 127.0.0.1 port = PORT
external: lo
socksmethod: METHOD
clientmethod: none
UNPRIVILEGED
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 port = 7 command: connect }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 command: connect }
)";

constexpr const char* kHaproxyConfig = R"(
global
  maxconn 200
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend tls
  bind 127.0.0.1:PORT ssl crt FOLDER/pem CLIENTS
  default_backend behind
backend behind
  server one 127.0.0.1:BEHIND
)";

void Replace(std::string& text, const std::string& mark, const std::string& value) {
  for (std::size_t at = text.find(mark); at != std::string::npos;
       at = text.find(mark, at + value.size())) {
    text.replace(at, mark.size(), value);
  }
}

// Proxies started by root go on as somebody else, who reads and writes here.
void OpenFolder(const std::string& folder) {
  fs::create_directories(folder + "/log");
  fs::permissions(folder + "/log", fs::perms::all);
  for (fs::path path = folder; path != path.root_path() && path != "/tmp";
       path = path.parent_path()) {
    std::error_code ignored;
    fs::permissions(path, fs::perms::others_exec | fs::perms::group_exec, fs::perm_options::add,
                    ignored);
  }
}

ServerProcess::Plan SquidPlan(bool login, const std::string& folder, std::uint16_t port) {
  OpenFolder(folder);
  std::ofstream(folder + "/passwords") << kPasswords;
  fs::permissions(folder + "/passwords", fs::perms(0644));
  const std::string config =
      std::string(kSquidConfig) + (login ? kSquidLogin : "http_access allow all\n");
  return {FillConfig(config, folder, port), {"/usr/sbin/squid", "-N", "-f", folder + "/config"}};
}

ServerProcess::Plan DantePlan(bool login, const std::string& folder, std::uint16_t port) {
  OpenFolder(folder);
  std::string config = FillConfig(kDanteConfig, folder, port);
  Replace(config, "METHOD", login ? "username" : "none");
  Replace(config, "UNPRIVILEGED",
          geteuid() == 0 ? "user.privileged: root\nuser.unprivileged: nobody" : "");
  return {config, {"/usr/sbin/danted", "-f", folder + "/config", "-p", folder + "/log/pid"}};
}

ServerProcess::Plan PlanFor(RealProxy::Kind kind, const std::string& folder, std::uint16_t port) {
  switch (kind) {
    case RealProxy::Kind::kSquid:
    case RealProxy::Kind::kSquidOpen:
      return SquidPlan(kind == RealProxy::Kind::kSquid, folder, port);
    case RealProxy::Kind::kTinyproxy:
      // By URL: CONNECT's is host and port.
      std::ofstream(folder + "/filter") << ":7$\n:7/\n";
      return {FillConfig(kTinyproxyConfig, folder, port),
              {"/usr/bin/tinyproxy", "-d", "-c", folder + "/config"}};
    case RealProxy::Kind::kDante:
    case RealProxy::Kind::kDanteLogin:
      return DantePlan(kind == RealProxy::Kind::kDanteLogin, folder, port);
    case RealProxy::Kind::kMicrosocks:
      break;
  }
  return {"",
          {"/usr/bin/microsocks", "-i", "127.0.0.1", "-p", std::to_string(port), "-u", kProxyUser,
           "-P", kProxyPassword}};
}

}  // namespace

RealProxy::RealProxy(Kind kind)
    : server_([kind](const std::string& folder, std::uint16_t port) {
        return PlanFor(kind, folder, port);
      }) {}

std::string RealProxy::output() const {
  std::ostringstream text;
  text << server_.output();
  std::ifstream access(server_.folder() + "/log/access");
  if (access.good() && access.peek() != std::ifstream::traits_type::eof()) text << access.rdbuf();
  return text.str();
}

std::uint64_t RealProxy::Logged(const std::string& text, std::uint64_t times) const {
  std::uint64_t count = 0;
  AwaitThat([&] {
    const std::string log = output();
    count = 0;
    for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) {
      ++count;
    }
    return count >= times;
  });
  return count;
}

TlsFront::TlsFront(const std::string& pem, const std::string& client_ca_pem, std::uint16_t behind)
    : server_([&](const std::string& folder, std::uint16_t port) -> ServerProcess::Plan {
        std::ofstream(folder + "/pem") << pem;
        std::ofstream(folder + "/clients") << client_ca_pem;
        std::string config = FillConfig(kHaproxyConfig, folder, port);
        Replace(config, "CLIENTS",
                client_ca_pem.empty() ? "" : "ca-file " + folder + "/clients verify required");
        Replace(config, "BEHIND", std::to_string(behind));
        return {config, {"/usr/sbin/haproxy", "-db", "-f", folder + "/config"}};
      }) {}

}  // namespace spillway
