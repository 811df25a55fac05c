// Which connections end because their name moved. Cases O-262, O-264.

#include "transport/connect/address_watch.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace spillway {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

Instant At(Duration since) { return Instant(minutes(100)) + since; }

class Watched {
 public:
  void Open(std::uint64_t connection, const char* address, Duration when) {
    watch_.OnOpened(connection, *IpAddress::Parse(address), At(when));
  }
  std::string Answer(std::initializer_list<const char*> texts, Duration when) {
    std::vector<IpAddress> addresses;
    for (const char* text : texts) addresses.push_back(*IpAddress::Parse(text));
    std::vector<std::uint64_t> gone = watch_.OnAddresses(addresses, At(when));
    std::sort(gone.begin(), gone.end());
    std::string text;
    for (const std::uint64_t each : gone) text += std::to_string(each) + " ";
    return text;
  }
  AddressWatch& watch() { return watch_; }

 private:
  AddressWatch watch_;
};

TEST(AddressWatch, KeepsConnectionsWhoseAddressStays) {
  Watched name;
  name.Open(1, "192.0.2.1", seconds(0));
  EXPECT_EQ(name.Answer({"192.0.2.1", "192.0.2.2"}, seconds(30)), "");
  EXPECT_EQ(name.Answer({"192.0.2.2", "192.0.2.1"}, seconds(60)), "");
}

TEST(AddressWatch, NamesThoseWhoseAddressVanished) {  // O-264
  Watched name;
  name.Open(1, "192.0.2.1", seconds(0));
  name.Open(2, "192.0.2.2", seconds(0));
  name.Open(3, "192.0.2.1", seconds(0));
  EXPECT_EQ(name.Answer({"192.0.2.2"}, seconds(30)), "");  // once is no proof
  EXPECT_EQ(name.Answer({"192.0.2.2"}, seconds(60)), "1 3 ");
  EXPECT_EQ(name.Answer({"192.0.2.2"}, seconds(90)), "");
  name.watch().OnClosed(2);
  EXPECT_TRUE(name.watch().empty());
}

TEST(AddressWatch, WaitsALittleEvenWhenAnswersComeFast) {
  Watched name;
  name.Open(1, "192.0.2.1", seconds(0));
  EXPECT_EQ(name.Answer({"192.0.2.2"}, seconds(1)), "");
  EXPECT_EQ(name.Answer({"192.0.2.2"}, seconds(2)), "");
  EXPECT_EQ(name.Answer({"192.0.2.2"}, seconds(5)), "1 ");
}

TEST(AddressWatch, LearnsThatAnswersAreASample) {
  Watched name;
  name.Open(1, "192.0.2.1", seconds(0));
  EXPECT_EQ(name.Answer({"192.0.2.2"}, seconds(30)), "");
  EXPECT_EQ(name.Answer({"192.0.2.1"}, seconds(60)), "");  // back: answers rotate
  EXPECT_TRUE(name.watch().rotating(At(seconds(60))));
  for (int second = 90; second < 360; second += 30) {
    EXPECT_EQ(name.Answer({"192.0.2.2"}, seconds(second)), "");
  }
  EXPECT_EQ(name.Answer({"192.0.2.2"}, seconds(360)), "1 ");  // even so, some time it is gone
  EXPECT_FALSE(name.watch().rotating(At(minutes(40))));
}

TEST(AddressWatch, LearnsNothingFromAnEmptyAnswer) {
  Watched name;
  name.Open(1, "192.0.2.1", seconds(0));
  for (int second = 30; second < 300; second += 30) {
    EXPECT_EQ(name.Answer({}, seconds(second)), "");
  }
}

TEST(AddressWatch, RemembersABoundedNumberOfAddresses) {
  AddressWatch watch;
  watch.OnOpened(1, *IpAddress::Parse("192.0.2.1"), At(seconds(0)));
  for (int block = 0; block < 10; ++block) {
    std::vector<IpAddress> addresses;
    for (int i = 0; i < 250; ++i) {
      addresses.push_back(
          *IpAddress::Parse("198.51." + std::to_string(block) + "." + std::to_string(i)));
    }
    addresses.push_back(*IpAddress::Parse("192.0.2.1"));
    EXPECT_TRUE(watch.OnAddresses(addresses, At(seconds(block))).empty());
  }
  EXPECT_FALSE(watch.empty());
}

}  // namespace
}  // namespace spillway
