// Two requests to one origin that differ in one fact of policy: never one socket when the fact
// decides whom the connection reaches or as whom, always one when it does not (C-069). The facts of
// TLS and proxies have their rows in the tests of those.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/harness/test_client.h"
#include "tests/origin/origin.h"

namespace spillway {
namespace {

struct Row {
  std::string name;
  std::function<void(Destination&)> change;  // of the second request's policy
  std::string tenant;                        // of the second request
  std::size_t sockets = 2;
};

void Nothing(Destination&) {}

std::vector<Row> Rows() {
  return {
      {"C-069 nothing differs", Nothing, "alice", 1},
      {"C-069 another caller, shared", Nothing, "bob", 1},
      {"C-069 limits differ", [](Destination& d) { d.pool.max_idle = 7; }, "alice", 1},
      {"C-069 time limits differ", [](Destination& d) { d.timeouts.total = hours(1); }, "alice", 1},
      {"C-069 isolated", [](Destination& d) { d.isolate_tenants = true; }, "alice"},
      {"C-069 destination", [](Destination& d) { d.name = "other"; }, "alice"},
      {"C-069 address family",
       [](Destination& d) { d.addresses.family = AddressFamily::kIpv4Only; }, "alice"},
      {"C-069 local address",
       [](Destination& d) { d.addresses.source = IpAddress::Parse("127.0.0.1"); }, "alice"},
      {"C-069 static addresses",
       [](Destination& d) { d.addresses.static_addresses = {*IpAddress::Parse("127.0.0.1")}; },
       "alice"},
      {"C-069 alias", [](Destination& d) { d.addresses.host_alias = "alias.test"; }, "alice"},
  };
}

std::shared_ptr<const Policy> PolicyWith(const Destination& destination, std::uint64_t version) {
  Destination fallback;
  fallback.refuse = true;
  return *Policy::Build(version, {destination}, fallback, {});
}

Request Get(const Origin& origin, const std::string& tenant) {
  Request request;
  request.url = "http://same.test:" + std::to_string(origin.port()) + "/a";
  request.tenant = tenant;
  return request;
}

TEST(PoolKeyMatrix, NeverSharesASocketAcrossADifference) {
  for (const Row& row : Rows()) {
    Origin origin("serve\n");
    TestClient::Options options;
    options.lookup = [](const std::string&, std::vector<std::string>& addresses) {
      addresses = {"127.0.0.1"};
      return 0;
    };
    TestClient client(std::move(options));
    Destination destination;
    destination.name = "one";
    destination.matches = {{"", "same.test", {}}};
    client.transport().SetPolicy(PolicyWith(destination, 2));
    ASSERT_TRUE(client.Start(Get(origin, "alice")).Finish().ok()) << row.name;
    row.change(destination);
    client.transport().SetPolicy(PolicyWith(destination, 3));
    ASSERT_TRUE(client.Start(Get(origin, row.tenant)).Finish().ok()) << row.name;
    EXPECT_EQ(origin.seen().size(), row.sockets) << row.name;
  }
}

TEST(PoolKeyMatrix, KeepsIsolatedCallersApart) {  // C-069
  Origin origin("serve\n");
  TestClient::Options options;
  options.destination.isolate_tenants = true;
  TestClient client(std::move(options));
  for (const char* tenant : {"alice", "bob", "alice", "bob", ""}) {
    Request request;
    request.url = origin.url("/a");
    request.tenant = tenant;
    ASSERT_TRUE(client.Start(std::move(request)).Finish().ok());
  }
  EXPECT_EQ(origin.seen().size(), 3U);  // alice's, bob's, nobody's
}

}  // namespace
}  // namespace spillway
