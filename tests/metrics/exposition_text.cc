#include "tests/metrics/exposition_text.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

namespace spillway {
namespace {

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string_view NameOf(std::string_view sample) {
  return sample.substr(0, sample.find_first_of("{ "));
}

bool BelongsTo(std::string_view line, std::string_view family) {
  if (line.starts_with("# ")) line.remove_prefix(7);  // "# HELP " and "# TYPE " are as long
  std::string_view name = NameOf(line);
  if (name == family) return true;
  if (!name.starts_with(family)) return false;
  name.remove_prefix(family.size());
  return name == "_count" || name == "_sum" || name == "_bucket";
}

}  // namespace

std::string FamilyText(std::string_view text, std::string_view family) {
  std::string out;
  for (const std::string_view line : Lines(text)) {
    if (BelongsTo(line, family)) out.append(line).append("\n");
  }
  return out;
}

std::map<std::string, double> Samples(std::string_view text) {
  std::map<std::string, double> samples;
  for (const std::string_view line : Lines(text)) {
    if (line.starts_with("#")) continue;
    const std::size_t space = line.rfind(' ');
    samples[std::string(line.substr(0, space))] =
        std::strtod(std::string(line.substr(space + 1)).c_str(), nullptr);
  }
  return samples;
}

std::map<std::string, std::size_t> LabelSetsByFamily(std::string_view text) {
  std::map<std::string, std::size_t> families;
  std::string_view family;
  for (const std::string_view line : Lines(text)) {
    if (line.starts_with("# TYPE ")) family = NameOf(line.substr(7));
    if (line.starts_with("#") || line.empty()) continue;
    const std::string_view name = NameOf(line);
    if (name == family || name.substr(family.size()) == "_count") ++families[std::string(family)];
  }
  return families;
}

std::size_t LabelSets(std::string_view text, std::string_view family) {
  const auto families = LabelSetsByFamily(text);
  const auto found = families.find(std::string(family));
  return found == families.end() ? 0 : found->second;
}

double SumOf(std::string_view text, std::string_view sample_name, std::string_view part) {
  double sum = 0;
  for (const std::string_view line : Lines(text)) {
    if (NameOf(line) != sample_name || line.find(part) == std::string_view::npos) continue;
    sum += std::strtod(std::string(line.substr(line.rfind(' ') + 1)).c_str(), nullptr);
  }
  return sum;
}

std::string PromtoolComplaints(const std::string& text) {
  const char* folder = std::getenv("TEST_TMPDIR");
  const std::string path = std::string(folder != nullptr ? folder : "/tmp") + "/exposition.txt";
  std::ofstream(path) << text;
  const std::string command = "/usr/bin/promtool check metrics < '" + path + "' 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return "cannot run promtool";
  std::string said;
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    said.append(buffer, n);
  }
  const int status = ::pclose(pipe);
  if (status != 0 && said.empty()) return "promtool failed without a word";
  return said;
}

}  // namespace spillway
