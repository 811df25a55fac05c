// What an idle connection holds: OpenSSL's own allocations for it, counted one by one.

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/transport/io/tls_fixture.h"

namespace spillway {
namespace {

using Status = ByteStream::Status;

// A connection is to cost no more than 24 KiB, with what is ours and the allocator's share; this is
// what OpenSSL may take of it.
constexpr std::size_t kMostBytes = 19'000;

bool counting = false;

std::unordered_map<void*, std::size_t>& Live() {
  static auto* const live = new std::unordered_map<void*, std::size_t>;
  return *live;
}

void* Allocate(std::size_t size, const char*, int) {
  void* block = std::malloc(size);
  if (counting && block != nullptr) Live()[block] = size;
  return block;
}

void Release(void* block, const char*, int) {
  Live().erase(block);
  std::free(block);
}

void* Resize(void* block, std::size_t size, const char*, int) {
  const bool known = Live().erase(block) > 0;
  void* moved = std::realloc(block, size);
  if ((known || counting) && moved != nullptr) Live()[moved] = size;
  return moved;
}

// OpenSSL takes this before its first allocation only.
const bool hooked = CRYPTO_set_mem_functions(Allocate, Resize, Release) == 1;

std::size_t LiveBytes() {
  std::size_t total = 0;
  for (const auto& [block, size] : Live()) total += size;
  return total;
}

// Counts what happens inside `work`, which must touch the client alone.
template <typename Work>
auto Counted(Work work) {
  counting = true;
  auto result = work();
  counting = false;
  return result;
}

std::size_t BytesPerIdleConnection(TlsSessionCache* sessions, bool expect_resumed) {
  constexpr int kConnections = 20;
  const TestCertificate root = TestCertificate::SelfSigned(
      {.common_name = "root", .authority = true, .key = TestKey::kRsa2048});
  const MemoryTlsContext server(
      root.Issue({.common_name = "intermediate", .authority = true, .key = TestKey::kRsa2048})
          .Issue({.common_name = "leaf", .dns = {kHost}, .key = TestKey::kRsa2048}));
  const TlsStep step = StepFor(Sealed(Trusting(root)), kHost);
  const auto context = *TlsContext::Create(*step.profile);
  std::vector<std::unique_ptr<TlsStream>> idle;
  std::size_t before = 0;
  // The first two fill the session cache and what OpenSSL makes once.
  for (int i = -2; i < kConnections; ++i) {
    auto link = std::make_shared<MemoryLink>();
    MemoryTlsServer far_end(server, link);
    std::unique_ptr<TlsStream> client = Counted([&] {
      return std::make_unique<TlsStream>(std::make_unique<MemoryStream>(link), context, step,
                                         sessions);
    });
    Status status = Status::kWantRead;
    for (int round = 0; round < 10 && status == Status::kWantRead; ++round) {
      status = Counted([&] { return client->Handshake(); });
      far_end.Step();
    }
    SPILLWAY_CHECK(status == Status::kOk);
    std::string text = "GET / HTTP/1.1\r\n\r\n";
    const iovec part{text.data(), text.size()};
    Counted([&] { return client->Write(std::span(&part, 1)); });
    far_end.Step();
    far_end.Send(std::string(50'000, 'x'));
    std::string buffer(100'000, '\0');
    const ByteStream::Io got = Counted([&] { return client->Read(buffer); });
    SPILLWAY_CHECK(got.bytes == 50'000);
    SPILLWAY_CHECK(client->facts().resumed == (expect_resumed && i > -2));
    if (i < 0) before = LiveBytes();
    idle.push_back(std::move(client));
  }
  return (LiveBytes() - before) / kConnections;
}

TEST(TlsMemory, AnIdleConnectionHoldsNoBuffersAndNoChain) {
  ASSERT_TRUE(hooked);
  const std::size_t bytes = BytesPerIdleConnection(nullptr, false);
  EXPECT_LT(bytes, kMostBytes);
  EXPECT_GT(bytes, 1000u);  // or nothing was counted
}

TEST(TlsMemory, NorDoesAResumedOne) {
  TlsSessionCache sessions;
  EXPECT_LT(BytesPerIdleConnection(&sessions, true), kMostBytes);
}

}  // namespace
}  // namespace spillway
