// What the kinds of text in the configuration file must look like (FieldRule::kind).
//
// Thread safety: pure functions.
// Invariants: CanonicalText changes nothing in a text that it has made; messages never hold the
// value.

#pragma once

#include <string>

#include "spillway/config/v1/field_rule.pb.h"

namespace spillway {

// Puts `value` into the canonical notation of its kind. Returns what is wrong with it, "" when
// nothing is.
std::string CanonicalText(const config::v1::FieldRule& rule, std::string& value);

// What CanonicalText allows, for people: "1ms to 24h, or forever", "a host", ...
std::string TextBounds(const config::v1::FieldRule& rule);

// "a, b or c".
std::string ChoicesText(const config::v1::FieldRule& rule);

}  // namespace spillway
