#include "transport/base/pool_key.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

namespace spillway {
namespace {

PoolKey FullKey() {
  PoolKey key;
  int next = 0;
  const auto fill = [&](const auto& field) {
    auto& value = key.*field.second;
    if constexpr (std::is_same_v<std::remove_reference_t<decltype(value)>, std::string>) {
      value = "value" + std::to_string(++next);
    } else {
      value = static_cast<std::uint16_t>(1000 + ++next);
    }
  };
  std::apply([&](const auto&... field) { (fill(field), ...); }, PoolKey::Fields());
  return key;
}

void Flip(std::string& value) { value += "x"; }
void Flip(std::uint16_t& value) { ++value; }

// Every field alone makes another key: equality, hash and text all see it.
TEST(PoolKey, DiffersWhenAnyFieldDiffers_K1_K2_K6) {
  for (const PoolKey& base : {PoolKey(), FullKey()}) {
    std::set<std::string> texts = {base.Text()};
    const auto check = [&](const auto& field) {
      PoolKey other = base;
      EXPECT_TRUE(other == base);
      Flip(other.*field.second);
      EXPECT_FALSE(other == base) << field.first;
      EXPECT_NE(PoolKeyHash()(other), PoolKeyHash()(base)) << field.first;
      EXPECT_TRUE(texts.insert(other.Text()).second) << field.first;
    };
    std::apply([&](const auto&... field) { (check(field), ...); }, PoolKey::Fields());
  }
}

// C-071: a hash that knows three values only. Whoever looks a key up finds its own, or nothing.
TEST(PoolKey, IsFoundByItsValueWhateverItsHash) {
  struct WeakHash {
    std::size_t seed = 0;
    std::size_t operator()(const PoolKey& key) const { return (PoolKeyHash()(key) ^ seed) % 3; }
  };
  for (const std::size_t seed : {0U, 1U, 12345U}) {
    std::unordered_map<PoolKey, int, WeakHash> entries(8, WeakHash{seed});
    std::vector<PoolKey> keys = {FullKey()};
    const auto add = [&](const auto& field) {
      keys.push_back(FullKey());
      Flip(keys.back().*field.second);
    };
    std::apply([&](const auto&... field) { (add(field), ...); }, PoolKey::Fields());
    for (std::size_t i = 0; i < keys.size(); i += 2) entries[keys[i]] = static_cast<int>(i);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto found = entries.find(keys[i]);
      EXPECT_EQ(found != entries.end(), i % 2 == 0);
      if (found == entries.end()) continue;
      EXPECT_EQ(found->second, static_cast<int>(i));
    }
  }
}

// A field added to the struct but not to the list would never be compared.
TEST(PoolKey, ListsEveryField) {
  constexpr std::size_t kFields = std::tuple_size_v<decltype(PoolKey::Fields())>;
  constexpr std::size_t kStrings = kFields - 1;
  constexpr std::size_t kPortWithPadding = alignof(std::string);
  EXPECT_EQ(sizeof(PoolKey), kStrings * sizeof(std::string) + kPortWithPadding);
  std::set<std::string> names;
  const auto check = [&](const auto& field) { EXPECT_TRUE(names.insert(field.first).second); };
  std::apply([&](const auto&... field) { (check(field), ...); }, PoolKey::Fields());
}

// Values of neighbouring fields must not run together.
TEST(PoolKey, KeepsNeighbouringFieldsApart) {
  PoolKey a;
  a.proxy_chain = "ab";
  PoolKey b;
  b.proxy_chain = "a";
  b.proxy_tls_digest = "b";
  PoolKey c;
  c.proxy_tls_digest = "ab";
  EXPECT_FALSE(a == b);
  EXPECT_FALSE(a == c);
  EXPECT_NE(PoolKeyHash()(a), PoolKeyHash()(b));
  EXPECT_NE(PoolKeyHash()(a), PoolKeyHash()(c));
}

TEST(PoolKey, PrintsOnlyWhatIsSet) {
  PoolKey key;
  key.scheme = "http";
  key.host = "h";
  key.port = 80;
  EXPECT_EQ(key.Text(), "scheme=http host=h port=80 protocol=http/1.1");
}

}  // namespace
}  // namespace spillway
