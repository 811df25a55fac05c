// An ordered list of (name, raw value) pairs: duplicates and case kept, exactly as given (G9-G11).
//
// Thread safety: a plain value.
// Invariants: none of its own; field_rules.h says what a valid request or response field is.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spillway {

struct HeaderField {
  std::string name;
  std::string value;
  bool operator==(const HeaderField&) const = default;
};

// ASCII case-insensitive equality; header names, tokens, schemes and hosts compare this way.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(std::initializer_list<HeaderField> fields) : fields_(fields) {}

  void Add(std::string_view name, std::string_view value) {
    fields_.push_back(HeaderField{std::string(name), std::string(value)});
  }
  void Add(HeaderField field) { fields_.push_back(std::move(field)); }
  // First value of `name`; nullopt when absent.
  std::optional<std::string_view> Find(std::string_view name) const;
  bool Has(std::string_view name) const { return Find(name).has_value(); }
  std::size_t Count(std::string_view name) const;
  // True when a comma-separated list in any field called `name` has `token`, case-insensitively.
  bool HasToken(std::string_view name, std::string_view token) const;

  std::size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  void reserve(std::size_t n) { fields_.reserve(n); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  const HeaderField& operator[](std::size_t i) const { return fields_[i]; }
  bool operator==(const HeaderList&) const = default;

 private:
  std::vector<HeaderField> fields_;
};

}  // namespace spillway
