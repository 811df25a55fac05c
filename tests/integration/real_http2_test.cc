// HTTP/2 by prior knowledge against nghttpd, nginx, Apache and Caddy (H21).

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tests/harness/test_client.h"
#include "tests/integration/server_process.h"

namespace spillway {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSmall = "hello world\n";
constexpr std::size_t kLargeBytes = 3'000'000;

constexpr const char* kNginx = R"(
daemon off;
master_process off;
pid FOLDER/pid;
error_log FOLDER/error.log;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path FOLDER/body;
  proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/fastcgi;
  uwsgi_temp_path FOLDER/uwsgi;
  scgi_temp_path FOLDER/scgi;
  http2_max_concurrent_streams 8;
  server {
    listen 127.0.0.1:PORT http2;
    root FOLDER/www;
    location = /teapot { return 418; }
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
LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so
Protocols h2c
User nobody
Group nogroup
ServerLimit 1
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
DocumentRoot FOLDER/www
<Directory FOLDER/www>
  Require all granted
</Directory>
)";

constexpr const char* kCaddy = R"(
{
  admin off
  auto_https off
  storage file_system FOLDER
  servers {
    protocols h1 h2c
  }
}
http://127.0.0.1:PORT {
  root * FOLDER/www
  file_server
}
)";

std::string Fill(std::string text, const std::string& folder, std::uint16_t port) {
  const auto replace = [&](const std::string& mark, const std::string& value) {
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
      text.replace(at, mark.size(), value);
    }
  };
  replace("FOLDER", folder);
  replace("PORT", std::to_string(port));
  return text;
}

void MakeFiles(const std::string& folder) {
  fs::create_directory(folder + "/www");
  std::ofstream(folder + "/www/small.txt") << kSmall;
  std::ofstream(folder + "/www/large.txt") << std::string(kLargeBytes, 'x');
  // Servers started by root read them as somebody else.
  for (fs::path path = folder; path != path.root_path() && path != "/tmp";
       path = path.parent_path()) {
    std::error_code ignored;
    fs::permissions(path, fs::perms::others_exec | fs::perms::group_exec, fs::perm_options::add,
                    ignored);
  }
  fs::permissions(folder + "/www", fs::perms(0755));
  for (const char* name : {"/www/small.txt", "/www/large.txt"}) {
    fs::permissions(folder + name, fs::perms(0644));
  }
}

struct Server {
  const char* name;
  const char* config;
  std::vector<std::string> (*arguments)(const std::string& folder, const std::string& port);
};

void PrintTo(const Server& server, std::ostream* out) { *out << server.name; }

const std::vector<Server>& Servers() {
  static const std::vector<Server> servers = {
      {"nghttpd", "",
       [](const std::string& folder, const std::string& port) {
         return std::vector<std::string>{"/usr/sbin/nghttpd", "--no-tls", "-a", "127.0.0.1", "-d",
                                         folder + "/www",     port};
       }},
      {"nginx", kNginx,
       [](const std::string& folder, const std::string&) {
         return std::vector<std::string>{
             "/usr/sbin/nginx", "-e", folder + "/error.log", "-p", folder, "-c",
             folder + "/config"};
       }},
      {"apache", kApache,
       [](const std::string& folder, const std::string&) {
         return std::vector<std::string>{"/usr/sbin/apache2", "-f", folder + "/config",
                                         "-DFOREGROUND"};
       }},
      {"caddy", kCaddy,
       [](const std::string& folder, const std::string&) {
         return std::vector<std::string>{"/usr/bin/env",
                                         "XDG_CONFIG_HOME=" + folder,
                                         "XDG_DATA_HOME=" + folder,
                                         "/usr/bin/caddy",
                                         "run",
                                         "--adapter",
                                         "caddyfile",
                                         "--config",
                                         folder + "/config"};
       }},
  };
  return servers;
}

class RealHttp2 : public ::testing::TestWithParam<Server> {
 protected:
  RealHttp2()
      : server_([](const std::string& folder, std::uint16_t port) {
          MakeFiles(folder);
          return ServerProcess::Plan{Fill(GetParam().config, folder, port),
                                     GetParam().arguments(folder, std::to_string(port))};
        }) {}

  static TestClient::Options ClearTextHttp2() {
    TestClient::Options options;
    options.destination.protocol = Protocol::kH2c;
    return options;
  }

  ServerProcess server_;
};

// H1: side by side, small and large, on few connections.
TEST_P(RealHttp2, ServesManyRequestsAtOnce) {
  ASSERT_TRUE(server_.running()) << server_.output();
  TestClient client(ClearTextHttp2());
  for (int round = 0; round < 3; ++round) {
    std::vector<Call> calls;
    for (int i = 0; i < 60; ++i) {
      calls.push_back(client.Get(server_.url(i % 20 == 0 ? "/large.txt" : "/small.txt")));
    }
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const Story story = calls[i].Finish();
      ASSERT_TRUE(story.ok()) << story.record.failure->message << server_.output();
      EXPECT_EQ(story.head->status, 200U);
      EXPECT_EQ(story.head->major_version, 2);
      EXPECT_EQ(story.body_bytes, i % 20 == 0 ? kLargeBytes : std::string(kSmall).size());
      EXPECT_TRUE(story.violations.empty());
    }
  }
  EXPECT_LE(client.Level(&HostPoolSnapshot::idle), 12U);
}

// O-160: a server that answers an upload before it has read it.
TEST_P(RealHttp2, GetsTheAnswerToAnUploadThatIsNotWanted) {
  ASSERT_TRUE(server_.running()) << server_.output();
  TestClient client(ClearTextHttp2());
  for (int i = 0; i < 5; ++i) {
    const Story story =
        client.Post(server_.url("/absent.txt"), std::string(1'500'000, 'u')).Finish();
    ASSERT_TRUE(story.ok()) << story.record.failure->message << server_.output();
    EXPECT_GE(story.head->status, 200U);
  }
  EXPECT_TRUE(client.Get(server_.url("/small.txt")).Finish().ok());
}

// A2, O-195: cancelled in the middle of their bodies, they cost the others nothing.
TEST_P(RealHttp2, GoesOnAfterRequestsWereCancelled) {
  ASSERT_TRUE(server_.running()) << server_.output();
  TestClient client(ClearTextHttp2());
  for (int i = 0; i < 30; ++i) {
    const Call call = client.Get(server_.url("/large.txt"));
    call.handle->Cancel();
    call.Finish();
  }
  const Story story = client.Get(server_.url("/large.txt")).Finish();
  ASSERT_TRUE(story.ok()) << story.record.failure->message;
  EXPECT_EQ(story.body_bytes, kLargeBytes);
}

INSTANTIATE_TEST_SUITE_P(Servers, RealHttp2, ::testing::ValuesIn(Servers()),
                         [](const auto& server) { return server.param.name; });

}  // namespace
}  // namespace spillway
