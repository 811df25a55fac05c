#include "transport/io/random_id.h"

#include <random>

namespace spillway {
namespace {

std::mt19937_64 Seeded() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device()};
  return std::mt19937_64(seed);
}

}  // namespace

std::uint64_t RandomId() {
  thread_local std::mt19937_64 generator = Seeded();
  return std::uniform_int_distribution<std::uint64_t>(1)(generator);
}

}  // namespace spillway
