#include "server/remote_rule.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway {
namespace {

struct Row {
  const char* name;
  const char* address;
  ListenerKind kind;
  ListenOptions options;
  bool allowed;
  bool insecure;
};

ListenOptions With(bool tls, bool client_ca, bool require, bool allow) {
  ListenOptions options;
  if (tls) options.tls.certificate_file = "c";
  if (client_ca) options.tls.client_ca_file = "a";
  options.tls.require_client_certificate = require;
  options.allow_insecure_remote = allow;
  return options;
}

TEST(RemoteRule, LetsOtherMachinesInOnlyOverTlsOrWhenSomebodySaidSo) {
  const ListenOptions plain = With(false, false, true, false);
  const ListenOptions allow = With(false, false, true, true);
  const ListenOptions tls = With(true, false, true, false);
  const ListenOptions mutual = With(true, true, true, false);
  const ListenOptions lenient = With(true, true, false, true);
  const Row rows[] = {
      {"loopback", "127.0.0.1:1", ListenerKind::kGrpc, plain, true, false},
      {"loopback v6", "[::1]:1", ListenerKind::kAdmin, plain, true, false},
      {"Unix", "unix:/x", ListenerKind::kAdmin, plain, true, false},
      {"every address", "0.0.0.0:1", ListenerKind::kGrpc, plain, false, false},
      {"every address v6", "[::]:1", ListenerKind::kGrpc, plain, false, false},
      {"mapped loopback is not taken for granted", "[::ffff:127.0.0.1]:1", ListenerKind::kGrpc,
       plain, false, false},
      {"allowed", "0.0.0.0:1", ListenerKind::kGrpc, allow, true, true},
      {"TLS", "0.0.0.0:1", ListenerKind::kGrpc, tls, true, false},
      {"TLS does not help HTTP", "0.0.0.0:1", ListenerKind::kHttp, tls, false, false},
      {"HTTP allowed", "0.0.0.0:1", ListenerKind::kHttp, allow, true, true},
      {"admin in clear text", "0.0.0.0:1", ListenerKind::kAdmin, allow, false, false},
      {"admin without callers' certificates", "0.0.0.0:1", ListenerKind::kAdmin, tls, false, false},
      {"admin with optional ones", "0.0.0.0:1", ListenerKind::kAdmin, lenient, false, false},
      {"admin with mTLS", "0.0.0.0:1", ListenerKind::kAdmin, mutual, true, false},
  };
  for (const Row& row : rows) {
    const Result<ListenAddress> address = ParseListenAddress(row.address, "address");
    ASSERT_TRUE(address.has_value()) << row.name;
    const Result<bool> result = IsInsecureRemote(*address, row.kind, row.options);
    ASSERT_EQ(result.has_value(), row.allowed) << row.name;
    if (row.allowed) {
      EXPECT_EQ(*result, row.insecure) << row.name;
    } else {
      EXPECT_NE(result.error().message.find(row.address), std::string::npos) << row.name;
      EXPECT_EQ(result.error().field, FlagOf(row.kind)) << row.name;
    }
  }
}

}  // namespace
}  // namespace spillway
