// Lookups by a blocking function, on a small bounded set of threads. For tests, and for those who
// bring a resolver of their own.
//
// What it owns: its threads and the queue before them. A name that hangs occupies one thread and
// delays nobody else while another thread is free (O-250).
// Thread safety: any thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/io/name_lookup.h"

namespace spillway {

// Blocking lookup: fills numeric addresses; returns 0 or a getaddrinfo error code.
using LookupFunction = std::function<int(const std::string& host, std::vector<std::string>& out)>;

class FunctionLookup : public NameLookup {
 public:
  FunctionLookup(LookupFunction function, std::uint32_t max_threads, std::size_t max_addresses);
  ~FunctionLookup() override;

  void Start(const std::string& name, AddressFamily family, LookupDone done) override;
  void Stop() override;

 private:
  void StartThread();

  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace spillway
