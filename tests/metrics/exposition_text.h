// Reads the text of /metrics, for tests.
//
// Thread safety: pure functions.

#pragma once

#include <map>
#include <string>
#include <string_view>

namespace spillway {

// Lines of one family, HELP and TYPE first, as they stand; "" when the family is not there.
std::string FamilyText(std::string_view text, std::string_view family);

// "name{labels}" -> value, of every sample.
std::map<std::string, double> Samples(std::string_view text);

// How many label sets a family shows; a histogram's buckets are one.
std::size_t LabelSets(std::string_view text, std::string_view family);
// The same for all families.
std::map<std::string, std::size_t> LabelSetsByFamily(std::string_view text);

// Sum over a family's samples whose text contains `part`, such as `source="new"`.
double SumOf(std::string_view text, std::string_view sample_name, std::string_view part = "");

// What `promtool check metrics` says about `text`; "" when it has nothing to say.
std::string PromtoolComplaints(const std::string& text);

}  // namespace spillway
