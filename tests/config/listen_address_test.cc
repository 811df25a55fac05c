// Addresses of listeners.

#include "server/listen_address.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway {
namespace {

struct Row {
  const char* text;
  const char* canonical;
  bool local;
};

TEST(ListenAddress, AcceptsNumericHostsLocalhostAndUnixPaths) {
  const Row rows[] = {
      {"127.0.0.1:50051", "127.0.0.1:50051", true},
      {"127.8.9.1:0", "127.8.9.1:0", true},
      {"0.0.0.0:80", "0.0.0.0:80", false},
      {"192.0.2.1:65535", "192.0.2.1:65535", false},
      {"localhost:9464", "localhost:9464", true},
      {"[::1]:50051", "[::1]:50051", true},
      {"[0:0:0:0:0:0:0:1]:50051", "[::1]:50051", true},
      {"[::]:1", "[::]:1", false},
      {"[2001:DB8::7]:1", "[2001:db8::7]:1", false},
      // The whole of an IPv4-mapped loopback is not taken for local: it is an odd way to write it.
      {"[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", false},
      {"unix:/run/spillway/admin.sock", "unix:/run/spillway/admin.sock", true},
  };
  for (const Row& row : rows) {
    const Result<ListenAddress> address = ParseListenAddress(row.text, "listen.http");
    ASSERT_TRUE(address.has_value()) << row.text;
    EXPECT_EQ(address->Text(), row.canonical);
    EXPECT_EQ(address->IsLocal(), row.local) << row.text;
    EXPECT_EQ(*ParseListenAddress(address->Text(), ""), *address);
  }
}

TEST(ListenAddress, RefusesEverythingElseAndNamesTheField) {
  const std::string long_path = "unix:/" + std::string(107, 'x');
  for (const std::string& text : {std::string(""),
                                  std::string(":"),
                                  std::string(":80"),
                                  std::string("80"),
                                  std::string("127.0.0.1"),
                                  std::string("127.0.0.1:"),
                                  std::string("127.0.0.1:65536"),
                                  std::string("127.0.0.1:-1"),
                                  std::string("127.0.0.1:+1"),
                                  std::string("127.0.0.1:1x"),
                                  std::string("127.1:80"),
                                  std::string("0x7f.0.0.1:80"),
                                  std::string("127.0.0.1 :80"),
                                  std::string("example.com:80"),
                                  std::string("::1:80"),
                                  std::string("[::1]"),
                                  std::string("[127.0.0.1]:80"),
                                  std::string("[::1%lo]:80"),
                                  std::string("[::1:80"),
                                  std::string("unix:"),
                                  std::string("unix:relative"),
                                  std::string("unix:@abstract"),
                                  std::string("unix:/a\nb"),
                                  long_path}) {
    const Result<ListenAddress> address = ParseListenAddress(text, "listen.http");
    ASSERT_FALSE(address.has_value()) << text;
    EXPECT_EQ(address.error().field, "listen.http");
    if (text.size() > 5) {
      EXPECT_EQ(address.error().message.find(text), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace spillway
