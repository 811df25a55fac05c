#include "transport/connect/address_race.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace spillway {
namespace {

using std::chrono::milliseconds;

constexpr Duration kGap = milliseconds(250);

Instant At(int ms) { return Instant(milliseconds(ms)); }

std::vector<IpAddress> Families(std::string_view kinds) {
  std::vector<IpAddress> out;
  for (const char kind : kinds) {
    IpAddress address;
    address.family = kind == '4' ? IpAddress::Family::kIpv4 : IpAddress::Family::kIpv6;
    out.push_back(address);
  }
  return out;
}

// All addresses in the order in which failures bring them forward.
std::vector<std::size_t> Order(std::string_view kinds) {
  const auto addresses = Families(kinds);
  AddressRace race(addresses, kGap);
  std::vector<std::size_t> order;
  while (const auto next = race.Next(At(0))) {
    order.push_back(*next);
    race.OnFailed(At(0));
  }
  EXPECT_TRUE(race.Exhausted());
  return order;
}

// RFC 8305 section 4.
TEST(AddressRace, InterleavesTheFamiliesFromTheResolversFirstChoice) {
  EXPECT_EQ(Order("6644"), (std::vector<std::size_t>{0, 2, 1, 3}));
  EXPECT_EQ(Order("4666"), (std::vector<std::size_t>{0, 1, 2, 3}));
  EXPECT_EQ(Order("444"), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_TRUE(Order("").empty());
}

// O-254.
TEST(AddressRace, TheNextAddressJoinsAfterTheGap) {
  AddressRace race(Families("46"), kGap);
  EXPECT_EQ(race.Next(At(0)), 0U);
  EXPECT_EQ(race.Next(At(249)), std::nullopt);
  EXPECT_EQ(race.NextDue(), At(250));
  EXPECT_EQ(race.Next(At(250)), 1U);
  EXPECT_EQ(race.NextDue(), kNever);
  EXPECT_FALSE(race.Exhausted());
}

// O-255.
TEST(AddressRace, AFailureBringsTheNextAddressAtOnce) {
  AddressRace race(Families("44"), kGap);
  EXPECT_EQ(race.Next(At(0)), 0U);
  race.OnFailed(At(3));
  EXPECT_EQ(race.Next(At(3)), 1U);
}

// O-258.
TEST(AddressRace, IsExhaustedOnlyWhenAllFailed) {
  AddressRace race(Families("44"), kGap);
  EXPECT_EQ(race.Next(At(0)), 0U);
  EXPECT_EQ(race.Next(At(250)), 1U);
  race.OnFailed(At(251));
  EXPECT_FALSE(race.Exhausted());
  race.OnFailed(At(252));
  EXPECT_TRUE(race.Exhausted());
}

}  // namespace
}  // namespace spillway
