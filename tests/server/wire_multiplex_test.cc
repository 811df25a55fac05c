// The codec of Multiplex against the generated one.

#include <gtest/gtest.h>

#include <optional>

#include "google/rpc/status.pb.h"
#include "server/status_map.h"
#include "server/wire_multiplex_decode.h"
#include "server/wire_multiplex_encode.h"
#include "spillway/v1/egress.pb.h"
#include "tests/server/wire_bytes.h"

namespace spillway {
namespace {

using namespace std::string_literals;
using Item = MultiplexReader::Item;

struct Decoded {
  std::vector<WireCall> calls;
  std::vector<std::uint64_t> cancels;
};

std::optional<Decoded> Decode(std::string_view bytes, std::size_t piece = std::string::npos) {
  MultiplexReader reader(ToBuffer(bytes, piece));
  Decoded out;
  while (true) {
    WireCall call;
    switch (reader.Next(call)) {
      case Item::kCall:
        out.calls.push_back(std::move(call));
        break;
      case Item::kCancel:
        out.cancels.push_back(call.id);
        break;
      case Item::kEnd:
        return out;
      case Item::kBroken:
        return std::nullopt;
    }
  }
}

struct Row {
  const char* name;
  std::string bytes;
};

TEST(WireMultiplexDecode, AcceptsExactlyWhatProtobufAcceptsAndReadsItTheSame) {
  const Row rows[] = {
      {"nothing at all", ""},
      {"an empty call", "\x0a\x00"s},
      {"a call of an id", "\x0a\x02\x08\x05"},
      {"the last id wins", "\x0a\x04\x08\x05\x08\x06"},
      {"requests merge",
       "\x0a\x0c\x12\x03\x12\x01"s
       "a"
       "\x12\x05\x0a\x03GET"},
      {"an id as bytes is unknown", "\x0a\x03\x0a\x01x"},
      {"a request as a number is unknown", "\x0a\x02\x10\x05"},
      {"a call as a number is unknown", "\x08\x05"},
      {"an unknown field between", "\x18\x05\x0a\x02\x08\x05\x22\x01x"},
      {"a group between", "\x1b\x08\x01\x1c\x0a\x02\x08\x05"},
      {"cancels, packed", "\x12\x03\x01\x80\x01"},
      {"cancels, one by one", "\x10\x01\x10\x80\x01"},
      {"no cancels, packed", "\x12\x00"s},
      {"both kinds, between calls", "\x12\x01\x01\x0a\x02\x08\x05\x10\x02\x0a\x00"s},
      {"a cut packed cancel", "\x12\x01\x80"},
      {"packed cancels beyond the message", "\x12\x05\x01"},
      {"a cancel of eleven bytes", "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
      {"a call beyond the message", "\x0a\x05\x08\x05"},
      {"a call that ends within its id", "\x0a\x01\x08"},
      {"a request that ends within a field", "\x0a\x03\x12\x01\x0a"},
      {"a request that is longer than its call", "\x0a\x02\x12\x05\x08\x05\x08\x05\x08"},
      {"a broken URL (C-021)", "\x0a\x05\x12\x03\x12\x01\xff"},
      {"a broken call behind a good one", "\x0a\x02\x08\x05\x0a\x01\x08"},
      {"tag zero", "\x00"s},
  };
  for (const Row& row : rows) {
    v1::MultiplexRequest theirs;
    const bool accepted = theirs.ParseFromString(row.bytes);
    for (const std::size_t piece : {std::string::npos, std::size_t{1}, std::size_t{3}}) {
      SCOPED_TRACE(std::string(row.name) + ", slices of " + std::to_string(piece));
      const std::optional<Decoded> ours = Decode(row.bytes, piece);
      ASSERT_EQ(ours.has_value(), accepted);
      if (!accepted) continue;
      EXPECT_EQ(ours->cancels,
                std::vector<std::uint64_t>(theirs.cancels().begin(), theirs.cancels().end()));
      ASSERT_EQ(ours->calls.size(), static_cast<std::size_t>(theirs.calls_size()));
      for (int i = 0; i < theirs.calls_size(); ++i) {
        const WireCall& call = ours->calls[static_cast<std::size_t>(i)];
        EXPECT_EQ(call.id, theirs.calls(i).id());
        EXPECT_EQ(call.request.url, theirs.calls(i).request().url());
        EXPECT_EQ(call.request.method, theirs.calls(i).request().method());
      }
    }
  }
}

TEST(WireMultiplexDecode, SharesBodiesAndCountsEachCallsBytes) {
  v1::MultiplexRequest message;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    v1::Call& call = *message.add_calls();
    call.set_id(id);
    call.mutable_request()->set_body(std::string(id * 10'000, 'x'));
  }
  const std::string bytes = message.SerializeAsString();
  const std::optional<Decoded> ours = Decode(bytes, 7'000);
  ASSERT_TRUE(ours.has_value());
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const WireRequest& request = ours->calls.at(i).request;
    EXPECT_EQ(request.body.Flatten(), message.calls(static_cast<int>(i)).request().body());
    EXPECT_GT(request.message_bytes, request.body.size());
    all += request.message_bytes;
  }
  EXPECT_EQ(all, bytes.size() - 3);  // but for the tags
}

struct Response {
  ResponseHead head;
  Body body;
  HeaderList trailers;
  std::vector<ResponseHead> informational;
  RoundTripRecord record;
  WireResponse wire;

  explicit Response(std::size_t body_bytes) {
    head.status = 200;
    head.reason = "OK";
    head.headers = {{"A", "1"}, {"b", "\xff"}};
    trailers = {{"T", "t"}};
    for (std::size_t left = body_bytes; left > 0;) {
      const std::size_t piece = std::min<std::size_t>(left, 9'000);
      body.Append(Chunk::Own(std::string(piece, static_cast<char>('a' + left % 26))));
      left -= piece;
    }
    record.attempts = 1;
    wire.head = &head;
    wire.body = &body;
    wire.trailers = &trailers;
    wire.protocol = "HTTP/1.1";
    wire.informational = &informational;
    wire.record = &record;
  }
};

TEST(WireMultiplexEncode, GivesTheBytesThatProtobufGives) {
  ResultMessage message;
  v1::MultiplexResponse expected;
  EncodedResult encoded;
  std::uint64_t bytes = 0;
  for (const std::size_t size : {0UL, 10UL, 16UL * 1024, 100'000UL, 5UL}) {
    const Response response(size);
    const std::uint64_t id = size + 1;
    encoded.SetResponse(id, response.wire);
    bytes += encoded.bytes();
    message.Add(encoded);
    v1::Result& result = *expected.add_results();
    result.set_id(id);
    grpc::ByteBuffer alone;
    EncodeHttpResponse(response.wire, alone);
    ASSERT_TRUE(result.mutable_response()->ParseFromString(ToText(alone)));
  }
  const grpc::Status status =
      ToStatus(BadRequest("url", "is empty"), nullptr, ExchangeDetail::kNone);
  encoded.SetError(77, status);
  bytes += encoded.bytes();
  message.Add(encoded);
  v1::Result& result = *expected.add_results();
  result.set_id(77);
  ASSERT_TRUE(result.mutable_error()->ParseFromString(status.error_details()));
  EXPECT_EQ(result.error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  const std::string ours = ToText(message.Take());
  EXPECT_EQ(ours, expected.SerializeAsString());
  EXPECT_EQ(ours.size(), bytes);
}

TEST(WireMultiplexEncode, SharesLargeBodies) {
  Response response(0);
  const Chunk chunk = Chunk::Own(std::string(100'000, 'x'));
  response.body.Append(chunk);
  EncodedResult encoded;
  encoded.SetResponse(1, response.wire);
  ResultMessage message;
  message.Add(encoded);
  const std::vector<grpc::Slice> slices = SlicesOf(message.Take());
  ASSERT_EQ(slices.size(), 3u);
  EXPECT_EQ(reinterpret_cast<const char*>(slices[1].begin()), chunk.bytes.data());
}

TEST(WireMultiplexEncode, UsesAMessageAgain) {
  const Response response(3);
  EncodedResult encoded;
  ResultMessage message;
  std::string first;
  for (int i = 0; i < 3; ++i) {
    encoded.SetResponse(9, response.wire);
    message.Add(encoded);
    const std::string bytes = ToText(message.Take());
    if (i == 0) first = bytes;
    EXPECT_EQ(bytes, first);
  }
}

}  // namespace
}  // namespace spillway
