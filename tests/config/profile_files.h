// Certificates, keys and credentials, good and bad, as the files that a configuration names.

#pragma once

#include "tests/config/memory_inputs.h"
#include "tests/harness/certificates.h"

namespace spillway {

// One authority and two pairs.
struct Pki {
  TestCertificate root = TestCertificate::Root();
  TestCertificate one = root.IssueFor("one.test");
  TestCertificate two = root.IssueFor("two.test");
};

// Made once: keys take time.
const Pki& Certificates();

// All in the folder /etc/sw.
MemoryInputs ProfileFiles();

}  // namespace spillway
