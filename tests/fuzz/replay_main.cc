// Runs a fuzz target over the files named on the command line: the replay of its corpus in ./test,
// built with the ordinary compiler and sanitizers.
//
// Owns nothing beyond main. One thread. Exits 1 when a file cannot be read or no file was given, so
// that an empty corpus cannot pass; a fault of the target ends the process as the target does.
// Writes the XML report that the test runner asks for in XML_OUTPUT_FILE: one case a corpus file.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::optional<std::string> ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void Replay(const std::string& bytes) {
  // An exact copy on the heap: one byte read past the end is then the sanitizer's to see.
  const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

void WriteReport(std::span<char* const> paths) {
  const char* report_path = std::getenv("XML_OUTPUT_FILE");
  if (report_path == nullptr) return;
  std::ofstream report(report_path);
  report << "<testsuites><testsuite name=\"corpus\" tests=\"" << paths.size() << "\">\n";
  for (const std::string path : paths) {
    report << "<testcase classname=\"corpus\" name=\"" << path.substr(path.rfind('/') + 1)
           << "\"/>\n";
  }
  report << "</testsuite></testsuites>\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char* const> paths(argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0));
  if (paths.empty()) {
    std::cerr << "the corpus is empty: give files to replay\n";
    return EXIT_FAILURE;
  }
  for (const char* path : paths) {
    // Before the run, so that the last line names the input that crashed.
    std::cout << path << std::endl;
    const std::optional<std::string> bytes = ReadFile(path);
    if (!bytes) {
      std::cerr << "cannot read " << path << "\n";
      return EXIT_FAILURE;
    }
    Replay(*bytes);
  }
  WriteReport(paths);
  std::cout << paths.size() << " inputs replayed\n";
  return EXIT_SUCCESS;
}
