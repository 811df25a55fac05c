#include "tests/harness/process_memory.h"

#include <fstream>
#include <string>

namespace spillway {
namespace {

std::string FileOf(pid_t process, const char* name) {
  return "/proc/" + std::to_string(process) + "/" + name;
}

}  // namespace

ProcessMemory MemoryOf(pid_t process) {
  constexpr std::uint64_t kKib = 1024;
  ProcessMemory memory;
  std::ifstream status(FileOf(process, "status"));
  for (std::string word; status >> word;) {
    if (word == "VmRSS:" && status >> memory.resident) memory.resident *= kKib;
    if (word == "VmHWM:" && status >> memory.peak) memory.peak *= kKib;
  }
  return memory;
}

bool ForgetPeak(pid_t process) {
  std::ofstream file(FileOf(process, "clear_refs"));
  file << "5" << std::flush;
  return file.good();
}

}  // namespace spillway
