// Names against a real nameserver whose records change.

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <future>
#include <mutex>

#include "tests/harness/await.h"
#include "tests/integration/server_process.h"
#include "transport/connect/address_watch.h"
#include "transport/io/clock.h"
#include "transport/io/resolver.h"

namespace spillway {
namespace {

class Dnsmasq : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(server_.running()) << server_.output(); }

  // What the server answers from now on, in the form of a hosts file.
  void SetRecords(const std::string& lines) {
    std::ofstream(server_.folder() + "/records") << lines;
    pid_t pid = 0;
    ASSERT_TRUE(AwaitThat([&] {
      std::ifstream(server_.folder() + "/pid") >> pid;
      return pid > 0;
    }));
    kill(pid, SIGHUP);
  }

  std::string Resolve(const std::string& name) {
    std::promise<std::shared_ptr<const DnsAnswer>> promise;
    resolver_.Resolve(name, AddressFamily::kIpv4Only,
                      [&](const auto& answer) { promise.set_value(answer); });
    const auto answer = promise.get_future().get();
    if (answer->failure.has_value()) return std::string(Label(answer->failure->reason));
    return std::to_string(answer->addresses.size()) + " " + answer->addresses.front().Text();
  }

  ServerProcess server_{[](const std::string& folder, std::uint16_t port) {
    std::ofstream(folder + "/records") << "192.0.2.1 app.test\n";
    return ServerProcess::Plan{
        "",
        {"/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
         "--no-hosts", "--bind-interfaces", "--listen-address=127.0.0.1",
         "--port=" + std::to_string(port), "--addn-hosts=" + folder + "/records", "--local-ttl=1",
         "--user=root", "--pid-file=" + folder + "/pid", "--local=/test/"}};
  }};
  ProcessLimits limits_;
  Resolver resolver_{limits_, nullptr, nullptr, "127.0.0.1:" + std::to_string(server_.port())};
};

TEST_F(Dnsmasq, AnswersAndChangesItsMind) {  // O-262, O-263
  EXPECT_EQ(Resolve("app.test"), "1 192.0.2.1");
  SetRecords("192.0.2.2 app.test\n");
  EXPECT_TRUE(AwaitThat([&] { return Resolve("app.test") == "1 192.0.2.2"; }));
  EXPECT_EQ(Resolve("other.test"), "destination_not_found");
}

TEST_F(Dnsmasq, SendsMoreAddressesThanFitADatagram) {  // O-253
  std::string records;
  for (int i = 1; i < 201; ++i) records += "192.0.2." + std::to_string(i) + " many.test\n";
  SetRecords(records);
  EXPECT_TRUE(AwaitThat([&] { return Resolve("many.test").starts_with("64 "); }));
}

TEST_F(Dnsmasq, MakesTheConnectionsOfAVanishedAddressDrain) {  // O-264
  AddressWatch watch;
  std::mutex mu;
  std::vector<std::uint64_t> gone;
  ASSERT_EQ(Resolve("app.test"), "1 192.0.2.1");
  watch.OnOpened(7, *IpAddress::Parse("192.0.2.1"), Now());
  ASSERT_TRUE(resolver_.Watch("app.test", AddressFamily::kIpv4Only, [&](const DnsAnswer& answer) {
    const std::lock_guard lock(mu);
    const auto now_gone = watch.OnAddresses(answer.addresses, Now());
    gone.insert(gone.end(), now_gone.begin(), now_gone.end());
    return !watch.empty();
  }));
  SetRecords("192.0.2.2 app.test\n");
  EXPECT_TRUE(AwaitThat([&] {
    const std::lock_guard lock(mu);
    return gone == std::vector<std::uint64_t>{7};
  }));
}

}  // namespace
}  // namespace spillway
