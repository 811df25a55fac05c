// Dials of one name in virtual time: the race of addresses and the memory of those that failed,
// against networks that answer, refuse or swallow. One seed is one history.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/sim/random.h"
#include "tests/sim/virtual_time.h"
#include "transport/connect/address_memory.h"
#include "transport/connect/address_race.h"

namespace spillway {
namespace {

constexpr Duration kGap = std::chrono::milliseconds(250);
constexpr Duration kBudget = std::chrono::seconds(10);
constexpr std::uint16_t kPort = 443;

enum class Manner { kAnswers, kRefuses, kSwallows };

struct Path {
  Manner manner = Manner::kAnswers;
  Duration latency{};
};

IpAddress Ipv4(int n) { return *IpAddress::Parse("192.0.2." + std::to_string(n)); }
IpAddress Ipv6(int n) { return *IpAddress::Parse("2001:db8::" + std::to_string(n)); }

// Runs one dial after another, as the dialer does it.
class Network {
 public:
  void Set(const IpAddress& address, Path path) { paths_[address.Text()] = path; }

  struct Result {
    std::optional<IpAddress> connected;
    Duration took{};
    std::vector<std::string> tried;
  };

  Result Dial(const std::vector<IpAddress>& answer) {
    const std::vector<IpAddress> order = memory_.Order("name", kPort, answer, time_.now());
    EXPECT_EQ(std::multiset<std::string>(Texts(order)), std::multiset<std::string>(Texts(answer)));
    auto dial = std::make_shared<OneDial>(OneDial{order, AddressRace(order, kGap), time_.now()});
    time_.In(kBudget, [dial] { dial->over = true; });
    Race(dial);
    while (!dial->over && time_.Step()) {
    }
    while (time_.now() < dial->started + dial->result.took && time_.Step()) {
    }
    for (std::size_t i = 1; i < dial->starts.size(); ++i) {
      // The next begins when the gap has passed or one failed, never before.
      const bool early = dial->starts[i] - dial->starts[i - 1] < kGap;
      EXPECT_TRUE(!early || dial->failures.count(dial->starts[i]) > 0);
    }
    return dial->result;
  }
  void Wait(Duration by) {
    bool passed = false;
    time_.In(by, [&] { passed = true; });
    while (!passed && time_.Step()) {
    }
  }

 private:
  struct OneDial {
    std::vector<IpAddress> order;
    AddressRace race;
    Instant started;
    bool over = false;
    Result result = {};
    std::vector<Instant> starts = {};
    std::set<Instant> failures = {};
  };

  static std::multiset<std::string> Texts(const std::vector<IpAddress>& addresses) {
    std::multiset<std::string> texts;
    for (const IpAddress& address : addresses) texts.insert(address.Text());
    return texts;
  }

  void Race(const std::shared_ptr<OneDial>& dial) {
    if (dial->over) return;
    while (const auto next = dial->race.Next(time_.now())) {
      const IpAddress address = dial->order[*next];
      EXPECT_EQ(std::count(dial->result.tried.begin(), dial->result.tried.end(), address.Text()),
                0);
      dial->result.tried.push_back(address.Text());
      dial->starts.push_back(time_.now());
      Try(dial, address);
    }
    if (dial->race.Exhausted()) dial->over = true;
    dial->result.took = time_.now() - dial->started;
    if (dial->race.NextDue() != kNever) {
      time_.At(dial->race.NextDue(), [this, dial] { Race(dial); });
    }
  }

  void Try(const std::shared_ptr<OneDial>& dial, const IpAddress& address) {
    const Path path = paths_[address.Text()];
    if (path.manner == Manner::kSwallows) return;
    time_.In(path.latency, [this, dial, address, path] {
      if (dial->over) return;
      if (path.manner == Manner::kRefuses) {
        memory_.OnFailed(address, kPort, time_.now());
        dial->failures.insert(time_.now());
        dial->race.OnFailed(time_.now());
        return Race(dial);
      }
      memory_.OnConnected("name", address, kPort, time_.now());
      dial->result.connected = address;
      dial->result.took = time_.now() - dial->started;
      dial->over = true;
    });
  }

  VirtualTime time_{Instant(std::chrono::seconds(1))};
  std::map<std::string, Path> paths_;
  AddressMemory memory_;
};

// IPv6 swallowed, IPv4 fine: 250 ms once, then learnt.
TEST(ConnectSimulation, LearnsThatIpv6IsBroken) {  // O-254, O-256
  Network network;
  network.Set(Ipv6(1), {Manner::kSwallows, {}});
  network.Set(Ipv4(1), {Manner::kAnswers, std::chrono::milliseconds(20)});
  EXPECT_EQ(network.Dial({Ipv6(1), Ipv4(1)}).took, std::chrono::milliseconds(270));
  EXPECT_EQ(network.Dial({Ipv6(1), Ipv4(1)}).took, std::chrono::milliseconds(20));
  network.Wait(std::chrono::minutes(11));  // and tried again some time
  network.Set(Ipv6(1), {Manner::kAnswers, std::chrono::milliseconds(10)});
  EXPECT_EQ(network.Dial({Ipv6(1), Ipv4(1)}).took, std::chrono::milliseconds(10));
}

TEST(ConnectSimulation, SparesAnAddressThatRefusedLately) {  // O-255
  Network network;
  network.Set(Ipv4(1), {Manner::kRefuses, std::chrono::milliseconds(5)});
  network.Set(Ipv4(2), {Manner::kAnswers, std::chrono::milliseconds(5)});
  EXPECT_EQ(network.Dial({Ipv4(1), Ipv4(2)}).tried.size(), 2U);
  EXPECT_EQ(network.Dial({Ipv4(1), Ipv4(2)}).tried.size(), 1U);
  network.Wait(AddressMemory::kFirstAvoidance);
  EXPECT_EQ(network.Dial({Ipv4(1), Ipv4(2)}).tried.size(), 2U);
}

TEST(ConnectSimulation, StillTriesANameAllOfWhoseAddressesFailed) {  // O-258
  Network network;
  network.Set(Ipv4(1), {Manner::kRefuses, std::chrono::milliseconds(5)});
  network.Set(Ipv4(2), {Manner::kRefuses, std::chrono::milliseconds(5)});
  for (int i = 0; i < 5; ++i) {
    const auto result = network.Dial({Ipv4(1), Ipv4(2)});
    EXPECT_FALSE(result.connected.has_value());
    EXPECT_EQ(result.tried.size(), 2U);
  }
  network.Set(Ipv4(2), {Manner::kAnswers, std::chrono::milliseconds(5)});
  EXPECT_EQ(network.Dial({Ipv4(1), Ipv4(2)}).connected, Ipv4(2));
}

// Whatever the network does: one outcome, in time, no address twice, and success where there is an
// address that answers in time.
TEST(ConnectSimulation, ConnectsWheneverAnAddressAnswersInTime) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    Network network;
    std::vector<IpAddress> answer;
    const auto count = static_cast<int>(random.Between(1, 8));
    for (int i = 1; i <= count; ++i) {
      answer.push_back(random.Percent(50) ? Ipv6(i) : Ipv4(i));
    }
    for (int dial = 0; dial < 10; ++dial) {
      bool hope = false;
      for (const IpAddress& address : answer) {
        const Path path{
            random.Pick({Manner::kAnswers, Manner::kRefuses, Manner::kRefuses, Manner::kSwallows}),
            random.Millis(1, 800)};
        hope = hope || path.manner == Manner::kAnswers;
        network.Set(address, path);
      }
      const auto result = network.Dial(answer);
      EXPECT_EQ(result.connected.has_value(), hope) << "seed " << seed;
      EXPECT_LE(result.took, kGap * count + std::chrono::milliseconds(800)) << "seed " << seed;
      network.Wait(random.Millis(0, 20'000));
    }
  }
}

}  // namespace
}  // namespace spillway
