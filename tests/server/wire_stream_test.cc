// The frames of Stream: what protobuf's own codec makes of ours, and that data is not copied.
// tests/fuzz/stream_fuzz.cc compares the codecs on everything else.

#include <gtest/gtest.h>

#include "server/wire_stream_decode.h"
#include "server/wire_stream_encode.h"
#include "spillway/v1/egress.pb.h"
#include "tests/server/wire_bytes.h"

namespace spillway {
namespace {

TEST(WireStreamDecode, SharesTheMessagesMemoryWithItsData) {
  v1::StreamRequest request;
  request.set_data(std::string(100'000, 'x'));
  const grpc::ByteBuffer message = ToBuffer(request.SerializeAsString(), 30'000);
  WireStreamRequest frame;
  ASSERT_TRUE(DecodeStreamRequest(message, frame));
  EXPECT_EQ(frame.kind, FrameKind::kData);
  EXPECT_EQ(frame.data.Flatten(), request.data());
  const std::vector<grpc::Slice> slices = SlicesOf(message);
  ASSERT_EQ(frame.data.chunks().size(), slices.size());
  EXPECT_EQ(static_cast<const void*>(frame.data.chunks()[1].bytes.data()),
            static_cast<const void*>(slices[1].begin()));
}

TEST(WireStreamDecode, KnowsWhichMemberIsSetLast) {
  v1::StreamRequest head;
  head.mutable_head()->set_url("http://a/");
  v1::StreamRequest trailers;
  trailers.mutable_trailers()->add_headers()->set_name("T");
  WireStreamRequest frame;
  ASSERT_TRUE(DecodeStreamRequest(ToBuffer(head.SerializeAsString() + trailers.SerializeAsString()),
                                  frame));
  EXPECT_EQ(frame.kind, FrameKind::kTrailers);
  EXPECT_FALSE(frame.head.has_value());
  EXPECT_EQ(frame.trailers, (HeaderList{{"T", ""}}));
  WireStreamRequest none;
  ASSERT_TRUE(DecodeStreamRequest(ToBuffer(""), none));
  EXPECT_EQ(none.kind, FrameKind::kNone);
}

TEST(WireStreamDecode, NoticesAnExchangeAmongTrailersWithoutReadingIt) {
  WireStreamRequest frame;
  ASSERT_TRUE(DecodeStreamRequest(ToBuffer("\x1a\x03\x12\x01\xff"), frame));
  EXPECT_TRUE(frame.exchange);
}

TEST(WireStreamDecode, KeepsABoundedNumberOfTrailers_C035) {
  v1::StreamRequest request;
  for (std::size_t i = 0; i <= kMaxWireFields; ++i) request.mutable_trailers()->add_headers();
  WireStreamRequest frame;
  ASSERT_TRUE(DecodeStreamRequest(ToBuffer(request.SerializeAsString()), frame));
  EXPECT_TRUE(frame.too_many_fields);
  EXPECT_EQ(frame.trailers.size(), kMaxWireFields);
}

TEST(WireStreamEncode, HandsLargeDataOnWithoutCopyingIt) {
  const Chunk large = Chunk::Own(std::string(40'000, 'x'));
  Body data(large);
  data.Append(Chunk{"tail", nullptr});
  grpc::ByteBuffer message;
  EncodeDataFrame(data, message);
  v1::StreamResponse frame;
  ASSERT_TRUE(frame.ParseFromString(ToText(message)));
  EXPECT_EQ(frame.data(), std::string(large.bytes) + "tail");
  bool shared = false;
  for (const grpc::Slice& slice : SlicesOf(message)) {
    shared = shared || static_cast<const void*>(slice.begin()) ==
                           static_cast<const void*>(large.bytes.data());
  }
  EXPECT_TRUE(shared);
}

TEST(WireStreamEncode, LetsGoOfTheDataWhenTheMessageIsGone) {
  std::weak_ptr<const void> watched;
  {
    grpc::ByteBuffer message;
    {
      const Chunk large = Chunk::Own(std::string(40'000, 'x'));
      watched = large.owner;
      EncodeDataFrame(Body(large), message);
    }
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

TEST(WireStreamEncode, PutsAFirstPieceIntoTheHead) {
  for (const std::size_t size : {std::size_t{3}, std::size_t{40'000}}) {
    const Body body = Body::Of(std::string(size, 'x'));
    ResponseHead head;
    head.status = 200;
    head.reason = "OK";
    const HeaderList no_fields;
    const std::vector<ResponseHead> no_heads;
    WireResponse wire;
    wire.head = &head;
    wire.body = &body;
    wire.trailers = &no_fields;
    wire.informational = &no_heads;
    wire.protocol = "HTTP/2";
    grpc::ByteBuffer message;
    EncodeHeadFrame(wire, message);
    v1::StreamResponse frame;
    ASSERT_TRUE(frame.ParseFromString(ToText(message)));
    EXPECT_EQ(frame.head().status(), 200u);
    EXPECT_EQ(frame.head().body(), std::string(size, 'x'));
    EXPECT_EQ(frame.head().protocol(), "HTTP/2");
    EXPECT_EQ(frame.SerializeAsString(), ToText(message));
  }
}

TEST(WireStreamEncode, SaysThatTrailersCameEvenWhenThereAreNone) {
  grpc::ByteBuffer message;
  EncodeTrailersFrame({}, nullptr, {}, message);
  v1::StreamResponse frame;
  ASSERT_TRUE(frame.ParseFromString(ToText(message)));
  EXPECT_TRUE(frame.has_trailers());
  EXPECT_FALSE(frame.trailers().has_exchange());
}

}  // namespace
}  // namespace spillway
