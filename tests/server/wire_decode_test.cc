#include "server/wire_decode.h"

#include <gtest/gtest.h>

#include "server/wire_reader.h"
#include "spillway/v1/egress.pb.h"
#include "tests/server/wire_bytes.h"

namespace spillway {
namespace {

using namespace std::string_literals;

struct Row {
  const char* name;
  std::string bytes;
  bool accepted;
};

std::string Times(std::size_t count, const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

const std::vector<Row>& Rows() {
  static const std::vector<Row> rows = {
      {"nothing at all", "", true},
      {"unknown varint of ten bytes", "\xf8\x7f" + Times(9, "\xff") + "\x7f", true},
      {"unknown varint of eleven bytes", "\xf8\x7f" + Times(10, "\xff") + "\x01", false},
      {"truncated varint", "\x38\x80", false},
      {"overlong length", "\x22\x83\x80\x80\x80\x00"s + "abc", true},
      {"length whose fifth byte is too large", "\x22\x83\x80\x80\x80\x08"s + "abc", false},
      {"length beyond the message", "\x22\x04"s + "abc", false},
      {"tag of five bytes", "\x8a\x80\x80\x80\x00\x01"s + "a", true},
      {"tag of six bytes", "\x8a\x80\x80\x80\x80\x00\x01"s + "a", false},
      {"tag zero", "\x00"s, false},
      {"field number zero", "\x01"s, false},
      {"wire type six", "\x0e", false},
      {"wire type seven", "\x0f", false},
      {"end of a group that nothing opened", "\x0c", false},
      {"group ended by another number", "\x83\x06\x8c\x06", false},
      {"a hundred groups in each other", Times(100, "\x83\x06") + Times(100, "\x84\x06"), true},
      {"a hundred and one", Times(101, "\x83\x06") + Times(101, "\x84\x06"), false},
      {"ninety-nine groups in a header",
       "\x1a\xcc\x03"s + Times(99, "\x83\x06") + Times(99, "\x84\x06") + Times(32, "\x08\x01"),
       true},
      {"truncated fixed64",
       "\xf9\x7f"
       "1234567",
       false},
      {"truncated fixed32",
       "\xfd\x7f"
       "123",
       false},
      {"known fields with other wire types",
       "\x08\x01\x20\x05\x15"
       "abcd\x3a\x01"
       "a",
       true},
      {"overlong UTF-8 in url (C-021)", "\x12\x02\xc0\x80", false},
      {"surrogate in url", "\x12\x03\xed\xa0\x80", false},
      {"beyond U+10FFFF in method", "\x0a\x04\xf4\x90\x80\x80", false},
      {"last code point", "\x0a\x04\xf4\x8f\xbf\xbf", true},
      {"cut UTF-8 in a header name", "\x1a\x04\x0a\x02\xe2\x82", false},
      {"any bytes in a header value", "\x1a\x04\x12\x02\xff\x00"s, true},
      {"header that ends within its name",
       "\x1a\x02\x0a\x05"
       "abcde",
       false},
      {"bad UTF-8 after good",
       "\x12\x01"
       "a\x12\x01\xff",
       false},
  };
  return rows;
}

TEST(WireDecode, AcceptsExactlyWhatProtobufAccepts) {
  for (const Row& row : Rows()) {
    v1::HttpRequest generated;
    EXPECT_EQ(generated.ParseFromString(row.bytes), row.accepted) << row.name;
    for (const std::size_t piece : {std::string::npos, std::size_t{1}, std::size_t{3}}) {
      WireRequest out;
      EXPECT_EQ(DecodeHttpRequest(ToBuffer(row.bytes, piece), out), row.accepted)
          << row.name << ", slices of " << piece;
    }
  }
}

v1::HttpRequest FullRequest() {
  v1::HttpRequest request;
  request.set_method("POST");
  request.set_url("http://origin.example/");
  for (const char* name : {"A", "a", "B"}) {
    v1::Header& header = *request.add_headers();
    header.set_name(name);
    header.set_value("\xff\x00 value"s);
  }
  request.set_body(std::string(1000, 'b'));
  request.set_content_length(0);
  request.mutable_options()->mutable_timeout()->set_nanos(7);
  request.mutable_options()->mutable_retry()->set_max_attempts(2);
  return request;
}

TEST(WireDecode, ReadsEveryFieldWhereverSlicesAreCut) {
  const v1::HttpRequest request = FullRequest();
  const std::string bytes = request.SerializeAsString();
  for (std::size_t piece = 1; piece < 40; ++piece) {
    WireRequest out;
    ASSERT_TRUE(DecodeHttpRequest(ToBuffer(bytes, piece), out)) << piece;
    EXPECT_EQ(out.method, "POST");
    EXPECT_EQ(out.url, "http://origin.example/");
    ASSERT_EQ(out.headers.size(), 3u);
    EXPECT_EQ(out.headers[1].name, "a");
    EXPECT_EQ(out.headers[2].value, "\xff\x00 value"s);
    EXPECT_EQ(out.body.Flatten(), request.body());
    EXPECT_EQ(out.content_length, 0u);
    EXPECT_EQ(out.options.timeout.value().nanos, 7);
    EXPECT_EQ(out.options.max_attempts, 2u);
    EXPECT_EQ(out.message_bytes, bytes.size());
  }
}

TEST(WireDecode, TakesTheLastScalarAndMergesSubMessages) {
  v1::HttpRequest first = FullRequest();
  v1::HttpRequest second;
  second.set_url("http://other.example/");
  second.set_body("last");
  second.mutable_options()->mutable_timeout()->set_seconds(3);
  WireRequest out;
  ASSERT_TRUE(
      DecodeHttpRequest(ToBuffer(first.SerializeAsString() + second.SerializeAsString()), out));
  EXPECT_EQ(out.method, "POST");
  EXPECT_EQ(out.url, "http://other.example/");
  EXPECT_EQ(out.body.Flatten(), "last");
  EXPECT_EQ(out.options.timeout.value().seconds, 3);
  EXPECT_EQ(out.options.timeout.value().nanos, 7);
  EXPECT_EQ(out.options.max_attempts, 2u);
}

TEST(WireDecode, SharesTheMessagesBytesAndKeepsThemAlive) {
  v1::HttpRequest request;
  request.set_body(std::string(100'000, 'x'));
  WireRequest out;
  const char* inside = nullptr;
  {
    const grpc::ByteBuffer message = ToBuffer(request.SerializeAsString());
    ASSERT_TRUE(DecodeHttpRequest(message, out));
    const std::vector<grpc::Slice> slices = SlicesOf(message);
    inside = reinterpret_cast<const char*>(slices[0].end()) - 100'000;
  }
  ASSERT_EQ(out.body.chunks().size(), 1u);
  EXPECT_EQ(out.body.chunks()[0].bytes.data(), inside);
  EXPECT_EQ(out.body.Flatten(), std::string(100'000, 'x'));
}

TEST(WireDecode, KeepsShortBodiesThatLieInsideTheSliceObject) {
  v1::HttpRequest request;
  request.set_body("tiny");
  Body body;
  {
    WireRequest out;
    ASSERT_TRUE(DecodeHttpRequest(ToBuffer(request.SerializeAsString(), 3), out));
    body = std::move(out.body);
  }
  EXPECT_EQ(body.Flatten(), "tiny");
}

TEST(WireDecode, BoundsTheHeadersItKeeps) {  // C-035
  const std::string bytes = Times(kMaxWireFields + 5, "\x1a\x00"s);
  WireRequest out;
  ASSERT_TRUE(DecodeHttpRequest(ToBuffer(bytes), out));
  EXPECT_EQ(out.headers.size(), kMaxWireFields);
  EXPECT_TRUE(out.too_many_fields);
}

TEST(IsUtf8, KnowsEveryBoundary) {
  for (const std::string good :
       {"", "ascii only, longer than eight", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << testing::PrintToString(good);
  }
  for (const std::string bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf",
                                "\xe0\xa0", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                                "\xf5\x80\x80\x80", "\xff", "eight ok\x80"}) {
    EXPECT_FALSE(IsUtf8(bad)) << testing::PrintToString(bad);
  }
}

}  // namespace
}  // namespace spillway
