// How an exchange went, for people: a summary and a waterfall of its phases.
//
// Thread safety: pure functions.

#pragma once

#include <string>
#include <vector>

#include "spillway/v1/egress.pb.h"
#include "transport/base/instant.h"

namespace spillway::cli {

// A phase and where it lies within the round trip.
struct PhaseSpan {
  std::string name;
  Duration start{};
  Duration length{};
};

// The phases that happened, in order: queue, then the parts of the dial within it (dns, connect,
// proxy, tls), write, first_byte, body. `total` is not among them.
std::vector<PhaseSpan> PhasesOf(const spillway::v1::Timings& timings);

// One line a phase with its time and a bar, and the total.
std::string Waterfall(const spillway::v1::Timings& timings);

// Lines that begin with "* ": connection, destination, attempts, bytes, timeline.
std::string Summary(const spillway::v1::Exchange& exchange);

}  // namespace spillway::cli
