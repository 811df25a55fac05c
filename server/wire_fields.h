// Reads the fields of one Protocol Buffers message: what every decoder here is made of.
//
// Thread safety: pure function templates over server/wire_reader.h.
// Invariants: a field of a known number but another wire type is an unknown field, and is skipped.

#pragma once

#include <cstdint>

#include "server/wire_reader.h"

namespace spillway {

// Reads the fields of one message until its limit: `on_field(number, type, handled)` reads the
// value and leaves handled true, or sets it to false for a field it does not know.
template <typename OnField>
bool ReadFields(WireReader& in, OnField on_field) {
  while (!in.AtEnd()) {
    std::uint32_t field = 0;
    WireType type = WireType::kVarint;
    if (!in.ReadTag(field, type)) return false;
    bool handled = true;
    if (!on_field(field, type, handled)) return false;
    if (!handled && !in.Skip(field, type)) return false;
  }
  return true;
}

template <typename OnField>
bool ReadMessage(WireReader& in, OnField on_field) {
  std::uint64_t outer_limit = 0;
  return in.Enter(outer_limit) && ReadFields(in, on_field) && in.Leave(outer_limit);
}

template <typename T>
bool ReadNumber(WireReader& in, T& out) {
  std::uint64_t value = 0;
  if (!in.ReadVarint(value)) return false;
  out = static_cast<T>(value);  // protobuf cuts off, too
  return true;
}

inline bool ReadBool(WireReader& in, bool& out) {
  std::uint64_t value = 0;
  if (!in.ReadVarint(value)) return false;
  out = value != 0;
  return true;
}

// Tag of a field as decoders switch on it: number and wire type at once, so that a known
// number with another wire type is an unknown field.
constexpr std::uint32_t FieldTag(std::uint32_t field, WireType type) {
  return field << 3 | static_cast<std::uint32_t>(type);
}
constexpr std::uint32_t VarintField(std::uint32_t field) {
  return FieldTag(field, WireType::kVarint);
}
constexpr std::uint32_t BytesField(std::uint32_t field) {
  return FieldTag(field, WireType::kBytes);
}

}  // namespace spillway
