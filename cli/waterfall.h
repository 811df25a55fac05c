// Where the time of an exchange went, drawn for people: a bar for each phase, attempt by attempt.
//
// Thread safety: pure functions.

#pragma once

#include <cstddef>
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

// Phases of one attempt, below a line that says what it was; "" when there is nothing to say.
struct WaterfallSection {
  std::string title;
  std::vector<PhaseSpan> phases;
};

struct Canvas {
  std::size_t width = 80;  // columns
  bool utf8 = false;       // block characters, which are finer than marks
};

// From the timeline; from the timings when there is none (an error's details may have no room).
std::vector<WaterfallSection> SectionsOf(const spillway::v1::Exchange& exchange);

// One line a phase with its time and a bar, and the total. No control characters.
std::string Waterfall(const spillway::v1::Exchange& exchange, const Canvas& canvas);

}  // namespace spillway::cli
