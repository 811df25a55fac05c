// Bytes through TLS, and every way in which they may end.

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/transport/io/tls_fixture.h"

namespace spillway {
namespace {

using Status = ByteStream::Status;

std::string Pattern(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i % 23);
  return text;
}

// --- Writing ---

TEST(TlsStream, JoinsSmallPartsIntoOneRecord) {
  OpenPair pair(Server());
  std::string head = "POST / HTTP/1.1\r\n\r\n";
  std::string body = "hello";
  const std::vector<iovec> parts = {{head.data(), head.size()}, {body.data(), body.size()}};
  const ByteStream::Io io = pair.client->Write(parts);
  EXPECT_EQ(Status::kOk, io.status);
  EXPECT_EQ(head.size() + body.size(), io.bytes);
  // 5 bytes of record header, 1 of content type, 16 of tag: once.
  EXPECT_EQ(head.size() + body.size() + 22, pair.link->to_far.size());
  pair.server.Step();
  EXPECT_EQ(head + body, pair.server.received());
}

TEST(TlsStream, WritesWhateverTheSizesOfTheParts) {
  const std::vector<std::vector<std::size_t>> rows = {
      {1},
      {16384},
      {16385},
      {100, 50'000},
      {50'000, 100},
      {0, 5, 0, 7},
      {16384, 16384, 1},
      {1, 16383, 1},
      {1, 16384},
      {100'000, 1, 1},
      {3, 3, 3, 40'000, 3},
  };
  for (const std::vector<std::size_t>& sizes : rows) {
    for (const std::size_t room : {std::size_t{1} << 24, std::size_t{1000}, std::size_t{7}}) {
      OpenPair pair(Server());
      pair.link->room = room;
      std::vector<std::string> texts;
      std::string all;
      for (const std::size_t size : sizes)
        all += texts.emplace_back(Pattern(size + all.size()).substr(all.size()));
      std::size_t sent = 0;
      for (int round = 0; sent < all.size() && round < 200'000; ++round) {
        // What is left, in the same parts.
        std::vector<iovec> parts;
        std::size_t skip = sent;
        for (std::string& text : texts) {
          const std::size_t cut = std::min(skip, text.size());
          skip -= cut;
          if (text.size() > cut) parts.push_back({text.data() + cut, text.size() - cut});
        }
        const ByteStream::Io io = pair.client->Write(parts);
        ASSERT_TRUE(io.status == Status::kOk || io.status == Status::kWantWrite);
        sent += io.bytes;
        pair.server.Step();
      }
      EXPECT_EQ(all, pair.server.received());
    }
  }
}

TEST(TlsStream, RepeatsARecordAlsoWhenThePartsAreCutDifferently) {
  OpenPair pair(Server());
  std::string text = Pattern(3000);
  pair.link->room = 100;
  const iovec whole{text.data(), text.size()};
  ASSERT_EQ(Status::kWantWrite, pair.client->Write(std::span(&whole, 1)).status);
  pair.server.Step();
  pair.link->room = 1 << 20;
  const std::vector<iovec> cut = {
      {text.data(), 1}, {text.data() + 1, 10}, {text.data() + 11, text.size() - 11}};
  EXPECT_EQ(text.size(), pair.client->Write(cut).bytes);
  pair.server.Step();
  EXPECT_EQ(text, pair.server.received());
}

// --- Reading ---

TEST(TlsStream, ReadsRecordsOfAnySize_O247) {
  const std::string text = Pattern(40'000);
  for (const std::size_t record : {1u, 100u, 16'384u}) {
    for (const std::size_t buffer : {7u, 65'536u}) {
      OpenPair pair(Server());
      const std::size_t size = record == 1 ? 2000 : text.size();
      for (std::size_t at = 0; at < size; at += record)
        pair.server.Send(text.substr(at, record).substr(0, size - at));
      EXPECT_EQ(text.substr(0, size), pair.ReadAll(buffer)) << record;
      EXPECT_EQ(Status::kWantRead, pair.end);
    }
  }
}

TEST(TlsStream, ReadsWhatArrivesByteByByte_O247) {
  OpenPair pair(Server());
  pair.link->read_at_most = 1;
  pair.server.Send("hello");
  EXPECT_EQ("hello", pair.ReadAll());
}

TEST(TlsStream, FillsTheBufferFromSeveralRecords) {
  OpenPair pair(Server());
  for (int i = 0; i < 3; ++i) pair.server.Send(Pattern(16'384));
  std::string buffer(49'152, '\0');
  EXPECT_EQ(buffer.size(), pair.client->Read(buffer).bytes);
}

TEST(TlsStream, RefusesADamagedRecord_O247) {
  OpenPair pair(Server());
  pair.server.Send("hello");
  pair.link->to_near.back() ^= 1;
  EXPECT_EQ("", pair.ReadAll());
  ASSERT_EQ(Status::kError, pair.end);
  EXPECT_EQ("TLS failed: decryption failed or bad record mac", pair.client->failure().message);
  EXPECT_EQ(Reason::kTlsProtocolError, pair.client->failure().reason);
  EXPECT_EQ(Status::kError, pair.Write("x").status);
}

TEST(TlsStream, RefusesPlainBytesBetweenRecords) {
  OpenPair pair(Server());
  pair.link->to_near += "HTTP/1.1 200 OK\r\n\r\n";
  EXPECT_EQ("", pair.ReadAll());
  EXPECT_EQ(Status::kError, pair.end);
}

// --- Ends ---

TEST(TlsStream, TellsAnOrderlyEndFromATruncation_O231) {
  for (const TlsVersion version : {TlsVersion::kTls12, TlsVersion::kTls13}) {
    OpenPair orderly(Server(), Step(version));
    orderly.server.Send("body");
    orderly.server.CloseNotify();
    orderly.link->far_closed = true;
    EXPECT_EQ("body", orderly.ReadAll());
    EXPECT_EQ(Status::kEnd, orderly.end);
    EXPECT_EQ("", orderly.ReadAll());
    EXPECT_EQ(Status::kEnd, orderly.end);

    OpenPair cut(Server(), Step(version));
    cut.server.Send("body");
    cut.link->far_closed = true;
    EXPECT_EQ("body", cut.ReadAll());
    EXPECT_EQ(Status::kTruncated, cut.end);
    cut.ReadAll();
    EXPECT_EQ(Status::kTruncated, cut.end);
  }
}

TEST(TlsStream, CallsAnEndInsideARecordATruncation_O231) {
  OpenPair pair(Server());
  pair.server.Send("body");
  pair.link->to_near.pop_back();
  pair.link->far_closed = true;
  EXPECT_EQ("", pair.ReadAll());
  EXPECT_EQ(Status::kTruncated, pair.end);
}

TEST(TlsStream, EndsAtCloseNotifyThoughTheSocketStaysOpen_O232) {
  OpenPair pair(Server());
  pair.server.Send("half of it");
  pair.server.CloseNotify();
  EXPECT_EQ("half of it", pair.ReadAll());
  EXPECT_EQ(Status::kEnd, pair.end);
}

TEST(TlsStream, IgnoresDataBehindCloseNotify_O233) {
  for (const bool good : {true, false}) {
    OpenPair pair(Server());
    pair.server.CloseNotify();
    SSL_set_shutdown(pair.server.ssl(), 0);  // or OpenSSL would not write any more
    if (good) {
      pair.server.Send("data");
    } else {
      pair.link->to_near += "anything at all";
    }
    EXPECT_EQ("", pair.ReadAll());
    EXPECT_EQ(Status::kEnd, pair.end);
    EXPECT_FALSE(pair.client->Quiet());
  }
}

TEST(TlsStream, CanStillWriteWhenTheServerHasEnded) {
  OpenPair pair(Server());
  pair.server.CloseNotify();
  EXPECT_EQ("", pair.ReadAll());
  EXPECT_EQ(Status::kOk, pair.Write("rest of the request").status);
}

TEST(TlsStream, SaysGoodbyeAndShutsWhatIsBelow) {
  OpenPair pair(Server());
  pair.client->Shutdown();
  EXPECT_TRUE(pair.link->near_shut);
  pair.server.Step();
  EXPECT_EQ(SSL_RECEIVED_SHUTDOWN, SSL_get_shutdown(pair.server.ssl()) & SSL_RECEIVED_SHUTDOWN);
}

TEST(TlsStream, ReportsAReset) {
  OpenPair pair(Server());
  pair.link->far_reset = true;
  EXPECT_EQ("", pair.ReadAll());
  EXPECT_EQ(Status::kError, pair.end);
  EXPECT_EQ("the peer reset the connection", pair.client->failure().message);
  EXPECT_EQ(Status::kError, pair.Write("x").status);
  EXPECT_EQ(Source::kOrigin, pair.client->failure().source);
}

// --- Quiet ---

TEST(TlsStream, IsQuietUntilApplicationBytesOrAnEndArrive) {
  OpenPair bytes(Server());
  EXPECT_TRUE(bytes.client->Quiet());
  bytes.server.Send("unasked");
  EXPECT_FALSE(bytes.client->Quiet());
  EXPECT_FALSE(bytes.client->Quiet());
  EXPECT_EQ("unasked", bytes.ReadAll());  // nothing was lost

  OpenPair notified(Server());
  notified.server.CloseNotify();
  EXPECT_FALSE(notified.client->Quiet());

  OpenPair closed(Server());
  closed.link->far_closed = true;
  EXPECT_FALSE(closed.client->Quiet());

  OpenPair partial(Server());
  partial.server.Send("unasked");
  partial.link->to_near.resize(12);
  EXPECT_FALSE(partial.client->Quiet());
}

TEST(TlsStream, DigestsTicketsAndKeyUpdatesWithoutCallingThemBytes) {
  TlsPair pair(Server(), Step());
  ASSERT_EQ(Status::kOk, pair.Handshake());
  ASSERT_FALSE(pair.link->to_near.empty());  // two tickets
  EXPECT_TRUE(pair.client->Quiet());
  EXPECT_TRUE(pair.link->to_near.empty());
  SSL_key_update(pair.server.ssl(), SSL_KEY_UPDATE_REQUESTED);
  SSL_do_handshake(pair.server.ssl());
  pair.server.Flush();
  ASSERT_FALSE(pair.link->to_near.empty());
  EXPECT_TRUE(pair.client->Quiet());
  // Both directions go on with their new keys.
  ASSERT_EQ(Status::kOk, pair.Write("ping").status);
  pair.server.Step();
  EXPECT_EQ("ping", pair.server.received());
  pair.server.Send("pong");
  EXPECT_EQ("pong", pair.ReadAll());
}

// --- TLS inside TLS ---

TEST(TlsStream, RunsInsideAnotherTlsStream) {
  // The outer server hands what it decrypts to an inner one, as an https proxy's tunnel does.
  OpenPair outer(Server());
  auto inner_link = std::make_shared<MemoryLink>();
  MemoryTlsServer inner_server(Server(), inner_link);
  const TlsStep step = Step();
  TlsStream inner(std::move(outer.client), *TlsContext::Create(*step.profile), step, nullptr);
  std::size_t taken = 0;
  const auto relay = [&] {
    outer.server.Step();
    inner_link->to_far += outer.server.received().substr(taken);
    taken = outer.server.received().size();
    inner_server.Step();
    if (!inner_link->to_near.empty()) outer.server.Send(std::exchange(inner_link->to_near, ""));
  };
  Status status = Status::kWantRead;
  for (int i = 0; i < 20 && status == Status::kWantRead; ++i, relay()) status = inner.Handshake();
  ASSERT_EQ(Status::kOk, status) << inner.failure().message;
  EXPECT_TRUE(inner.Quiet());
  std::string text = Pattern(100'000);
  for (std::size_t sent = 0; sent < text.size(); relay()) {
    const iovec part{text.data() + sent, text.size() - sent};
    const ByteStream::Io io = inner.Write(std::span(&part, 1));
    ASSERT_EQ(Status::kOk, io.status);
    sent += io.bytes;
  }
  EXPECT_EQ(text, inner_server.received());
  inner_server.Send("answer");
  relay();
  EXPECT_FALSE(inner.Quiet());
  std::string buffer(100, '\0');
  EXPECT_EQ(6u, inner.Read(buffer).bytes);
  // The tunnel ends without the inner close_notify.
  outer.server.CloseNotify();
  EXPECT_EQ(Status::kTruncated, inner.Read(buffer).status);
}

}  // namespace
}  // namespace spillway
