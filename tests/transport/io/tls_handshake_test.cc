// What ends a handshake, and what is told of it.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/transport/io/tls_fixture.h"

namespace spillway {
namespace {

using Status = ByteStream::Status;
using std::chrono::hours;

// One hierarchy for all tests: root, intermediate.
const TestCertificate& Root() {
  static const TestCertificate root = TestCertificate::Root();
  return root;
}

const TestCertificate& Intermediate() {
  static const TestCertificate issued =
      Root().Issue({.common_name = "intermediate", .authority = true});
  return issued;
}

TestCertificate Leaf(const std::string& host = "a.example.com") {
  return Intermediate().IssueFor(host);
}

TEST(TlsHandshake, AgreesOnVersionCipherAndProtocol) {
  const MemoryTlsContext server(Leaf(), {.alpn = "h2"});
  TlsStep step = StepFor(Sealed(Trusting(Root())), "a.example.com");
  step.alpn = AlpnOffer::kBoth;
  TlsPair pair(server, step);
  ASSERT_EQ(Status::kOk, pair.Handshake()) << pair.client->failure().message;
  EXPECT_EQ("TLSv1.3", pair.client->facts().version);
  EXPECT_EQ("TLS_AES_256_GCM_SHA384", pair.client->facts().cipher);
  EXPECT_FALSE(pair.client->facts().resumed);
  EXPECT_EQ("h2", pair.client->alpn());           // X4
  EXPECT_EQ("a.example.com", pair.server.sni());  // X1
}

}  // namespace
}  // namespace spillway
