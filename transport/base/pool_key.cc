#include "transport/base/pool_key.h"

#include <functional>
#include <type_traits>

namespace spillway {
namespace {

std::string_view ValueText(const std::string& value) { return value; }
std::string ValueText(std::uint16_t value) { return std::to_string(value); }

bool IsSet(const std::string& value) { return !value.empty(); }
bool IsSet(std::uint16_t value) { return value != 0; }

}  // namespace

bool PoolKey::operator==(const PoolKey& other) const {
  return std::apply(
      [&](const auto&... field) { return ((this->*field.second == other.*field.second) && ...); },
      Fields());
}

std::string PoolKey::Text() const {
  std::string out;
  const auto add = [&](const auto& field) {
    const auto& value = this->*field.second;
    if (!IsSet(value)) return;
    if (!out.empty()) out += ' ';
    out += field.first;
    out += '=';
    out += ValueText(value);
  };
  std::apply([&](const auto&... field) { (add(field), ...); }, Fields());
  return out;
}

std::size_t PoolKeyHash::operator()(const PoolKey& key) const {
  std::size_t seed = 0;
  const auto mix = [&](const auto& value) {
    if (!IsSet(value)) {
      seed = seed * 31 + 1;
      return;
    }
    const std::size_t h = std::hash<std::remove_cvref_t<decltype(value)>>()(value);
    seed ^= h + 0x9e3779b97f4a7c15U + (seed << 6) + (seed >> 2);
  };
  std::apply([&](const auto&... field) { (mix(key.*field.second), ...); }, PoolKey::Fields());
  return seed;
}

}  // namespace spillway
