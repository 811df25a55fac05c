// Prints the generated part of docs/configuration.md.

#include <cstdio>

#include "tests/config/config_reference.h"

int main() {
  const auto sections = spillway::ReadReference(spillway::kConfigDescriptor);
  std::fputs(spillway::ReferenceMarkdown(sections).c_str(), stdout);
  return 0;
}
