// What is tried first after addresses failed or won. Case O-256.

#include "transport/connect/address_memory.h"

#include <gtest/gtest.h>

namespace spillway {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

Instant At(Duration since) { return Instant(minutes(100)) + since; }
IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }

const std::vector<IpAddress>& Addresses() {
  static const auto& addresses = *new std::vector<IpAddress>{Ip("2001:db8::1"), Ip("2001:db8::2"),
                                                             Ip("192.0.2.1"), Ip("192.0.2.2")};
  return addresses;
}

std::string Order(AddressMemory& memory, Duration when, const std::string& name = "name",
                  std::uint16_t port = 443) {
  std::string text;
  for (const IpAddress& address : memory.Order(name, port, Addresses(), At(when))) {
    text += address.Text().back();
    text += address.family == IpAddress::Family::kIpv6 ? "v6 " : "v4 ";
  }
  return text;
}

TEST(AddressMemory, KeepsTheResolversOrderWithoutExperience) {
  AddressMemory memory;
  EXPECT_EQ(Order(memory, seconds(0)), "1v6 2v6 1v4 2v4 ");
}

TEST(AddressMemory, BeginsWithTheFamilyThatConnected) {  // O-256
  AddressMemory memory;
  memory.OnConnected("name", Ip("192.0.2.2"), 443, At(seconds(0)));
  EXPECT_EQ(Order(memory, seconds(1)), "1v4 2v4 1v6 2v6 ");
  EXPECT_EQ(Order(memory, seconds(1), "other"), "1v6 2v6 1v4 2v4 ");
  EXPECT_EQ(Order(memory, AddressMemory::kPreferenceTime), "1v6 2v6 1v4 2v4 ");
}

TEST(AddressMemory, EndsWithWhatFailedLately) {
  AddressMemory memory;
  memory.OnFailed(Ip("2001:db8::1"), 443, At(seconds(0)));
  EXPECT_EQ(Order(memory, seconds(9)), "2v6 1v4 2v4 1v6 ");
  EXPECT_EQ(Order(memory, seconds(9), "name", 80), "1v6 2v6 1v4 2v4 ");  // another port
  EXPECT_EQ(Order(memory, seconds(10)), "1v6 2v6 1v4 2v4 ");
}

TEST(AddressMemory, AvoidsLongerEachTimeUpToAMaximum) {
  AddressMemory memory;
  memory.OnFailed(Ip("2001:db8::1"), 443, At(seconds(0)));
  memory.OnFailed(Ip("2001:db8::1"), 443, At(seconds(10)));
  EXPECT_EQ(Order(memory, seconds(29)), "2v6 1v4 2v4 1v6 ");
  EXPECT_EQ(Order(memory, seconds(30)), "1v6 2v6 1v4 2v4 ");
  for (int i = 0; i < 20; ++i) memory.OnFailed(Ip("2001:db8::1"), 443, At(seconds(30)));
  EXPECT_EQ(Order(memory, seconds(30) + minutes(5) - seconds(1)), "2v6 1v4 2v4 1v6 ");
  EXPECT_EQ(Order(memory, seconds(30) + minutes(5)), "1v6 2v6 1v4 2v4 ");
  memory.OnFailed(Ip("2001:db8::1"), 443, At(minutes(30)));  // long ago is as never
  EXPECT_EQ(Order(memory, minutes(30) + seconds(10)), "1v6 2v6 1v4 2v4 ");
}

TEST(AddressMemory, TriesAllThatFailedLongestAgoFirst) {
  AddressMemory memory;
  int second = 0;
  for (const char* text : {"192.0.2.2", "2001:db8::2", "192.0.2.1", "2001:db8::1"}) {
    memory.OnFailed(Ip(text), 443, At(seconds(++second)));
  }
  EXPECT_EQ(Order(memory, seconds(5)), "2v4 2v6 1v4 1v6 ");
}

TEST(AddressMemory, ForgivesAnAddressThatConnects) {
  AddressMemory memory;
  memory.OnFailed(Ip("2001:db8::2"), 443, At(seconds(0)));
  memory.OnConnected("name", Ip("2001:db8::2"), 443, At(seconds(1)));
  EXPECT_EQ(Order(memory, seconds(2)), "1v6 2v6 1v4 2v4 ");
}

TEST(AddressMemory, StaysWithinItsBounds) {
  AddressMemory memory;
  for (std::size_t i = 0; i < AddressMemory::kMaxEndpoints + 10; ++i) {
    memory.OnFailed(Ip("192.0.2.1"), static_cast<std::uint16_t>(i), At(seconds(0)));
    memory.OnConnected("n" + std::to_string(i), Ip("192.0.2.9"), 1, At(seconds(0)));
  }
  EXPECT_EQ(memory.endpoint_count(), AddressMemory::kMaxEndpoints);
  EXPECT_EQ(memory.name_count(), AddressMemory::kMaxNames);
  EXPECT_EQ(Order(memory, seconds(1), "name", 3), "1v6 2v6 1v4 2v4 ");   // forgotten
  EXPECT_EQ(Order(memory, seconds(1), "name", 99), "1v6 2v6 2v4 1v4 ");  // not so
}

}  // namespace
}  // namespace spillway
