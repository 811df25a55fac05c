// What a peer may not do, as frames: how far the damage goes, and what the peer is told.

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "tests/transport/http2/session_driver.h"

namespace spillway {
namespace {

using h2::Data;
using h2::Frame;
using h2::GoAway;
using h2::Headers;
using h2::Ping;
using h2::Rst;
using h2::Settings;
using h2::Window;

const h2::Fields kOk = {{":status", "200"}};

std::string Repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

struct Row {
  std::string name;   // case id and words
  std::string bytes;  // after the handshake; streams 1 and 3 have been sent
  std::string outcome_of_1;
  std::string outcome_of_3;
  std::string sent;     // on streams, and GOAWAY
  std::string failure;  // of the session
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class PeerBreaksTheRules : public ::testing::TestWithParam<Row> {};

// However the bytes are cut, the result is the same.
TEST_P(PeerBreaksTheRules, AndNoMoreEndsThanMust) {
  for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{1}, std::size_t{7}}) {
    SCOPED_TRACE("pieces of " + std::to_string(piece));
    SessionDriver driver;
    driver.Handshake();
    HeardStream& one = driver.Send();
    HeardStream& three = driver.Send();
    driver.TakeSent();
    driver.ReceiveInPieces(GetParam().bytes, piece);
    EXPECT_EQ(one.outcome(), GetParam().outcome_of_1);
    EXPECT_EQ(three.outcome(), GetParam().outcome_of_3);
    EXPECT_EQ(driver.TakeSentOfStreams(), GetParam().sent);
    EXPECT_EQ(driver.failure(), GetParam().failure)
        << (driver.session().failure() ? driver.session().failure()->message : "");
    if (driver.session().failure()) {
      EXPECT_FALSE(driver.session().failure()->message.empty());
      const HeardStream& late = driver.Send();
      EXPECT_EQ(late.outcome(), "not sent: http_stream_refused");
    }
  }
}

std::vector<Row> HeadRows() {
  const std::string run = "running";
  const std::string proto = "http_protocol_error";
  const std::string rst = "RST_STREAM 1 PROTOCOL_ERROR";
  const auto head = [](h2::Fields fields, bool end = true) { return Headers(1, fields, end); };
  return {
      {"O172_no_status", head({{"server", "x"}}), proto, run, rst, ""},
      {"O172_two_status", head({{":status", "200"}, {":status", "200"}}), proto, run, rst, ""},
      {"O172_status_no_number", head({{":status", "abc"}}), proto, run, rst, ""},
      {"O172_status_below_100", head({{":status", "099"}}), proto, run, rst, ""},
      {"O172_status_of_four_digits", head({{":status", "2000"}}), proto, run, rst, ""},
      {"O172_status_after_a_regular_field", head({{"server", "x"}, {":status", "200"}}), proto, run,
       rst, ""},
      {"O172_request_pseudo_header", head({{":status", "200"}, {":path", "/"}}), proto, run, rst,
       ""},
      {"O173_status_101", head({{":status", "101"}}), proto, run, rst, ""},
      {"O174_informational_that_ends_the_stream", head({{":status", "103"}}), proto, run, rst, ""},
      {"O176_upper_case_name", head({{":status", "200"}, {"Server", "x"}}), proto, run, rst, ""},
      {"O176_connection", head({{":status", "200"}, {"connection", "close"}}), proto, run, rst, ""},
      {"O176_transfer_encoding", head({{":status", "200"}, {"transfer-encoding", "chunked"}}),
       proto, run, rst, ""},
      {"O176_keep_alive", head({{":status", "200"}, {"keep-alive", "timeout=5"}}), proto, run, rst,
       ""},
      {"O176_upgrade", head({{":status", "200"}, {"upgrade", "h2c"}}), proto, run, rst, ""},
      {"O176_proxy_connection", head({{":status", "200"}, {"proxy-connection", "x"}}), proto, run,
       rst, ""},
      {"O177_cr_in_a_value", head({{":status", "200"}, {"x", "a\rb"}}), proto, run, rst, ""},
      {"O177_lf_in_a_value", head({{":status", "200"}, {"x", "a\nb"}}), proto, run, rst, ""},
      {"O177_nul_in_a_value", head({{":status", "200"}, {"x", std::string_view("a\0b", 3)}}), proto,
       run, rst, ""},
      {"O177_leading_blank", head({{":status", "200"}, {"x", " a"}}), proto, run, rst, ""},
      {"O177_trailing_blank", head({{":status", "200"}, {"x", "a "}}), proto, run, rst, ""},
      {"O177_empty_name", head({{":status", "200"}, {"", "a"}}), proto, run, rst, ""},
  };
}

std::vector<Row> StreamRows() {
  const std::string run = "running";
  const std::string proto = "http_protocol_error";
  const std::string rst = "RST_STREAM 1 PROTOCOL_ERROR";
  const auto head = [](h2::Fields fields, bool end = true) { return Headers(1, fields, end); };
  return {
      {"O165_end_stream_on_headers_with_a_length",
       head({{":status", "200"}, {"content-length", "5"}}), proto, run, rst, ""},
      {"O166_H16_body_shorter_than_its_length",
       head({{":status", "200"}, {"content-length", "5"}}, false) + Data(1, "abc", true), proto,
       run, rst, ""},
      {"O166_H16_body_longer_than_its_length",
       head({{":status", "200"}, {"content-length", "2"}}, false) + Data(1, "abc", true), proto,
       run, rst, ""},
      {"O167_length_given_twice",
       head({{":status", "200"}, {"content-length", "0"}, {"content-length", "0"}}), proto, run,
       rst, ""},
      {"O167_length_with_a_sign", head({{":status", "200"}, {"content-length", "+2"}}), proto, run,
       rst, ""},
      {"O167_length_empty", head({{":status", "200"}, {"content-length", ""}}), proto, run, rst,
       ""},
      {"O170_second_final_head", head(kOk, false) + head(kOk), proto, run, rst, ""},
      {"O171_trailers_that_do_not_end_the_stream",
       head(kOk, false) + head({{"x-checksum", "1"}}, false), proto, run, rst, ""},
      {"O171_trailers_with_a_pseudo_header",
       head(kOk, false) + head({{"x-checksum", "1"}, {":status", "200"}}), proto, run, rst, ""},
      {"O063_a_trailer_that_frames_messages", head(kOk, false) + head({{"content-length", "3"}}),
       proto, run, rst, ""},
      {"O169_data_after_the_end", head(kOk) + Data(1, "abc", true), "", run, "", ""},
      {"O169_headers_after_the_end", head(kOk) + head(kOk), "", run, "", ""},
      {"O161_reset_in_the_body", head(kOk, false) + Data(1, "abc") + Rst(1, h2::kInternalError),
       "http_stream_reset", run, "", ""},
      {"O155_Y15_refused", Rst(1, h2::kRefusedStream), "http_stream_refused", run, "", ""},
      {"O156_refused_after_the_head", head(kOk, false) + Rst(1, h2::kRefusedStream),
       "http_stream_reset", run, "", ""},
      {"O158_http11_required", Rst(1, h2::kHttp11Required), "http_downgrade_required", run, "", ""},
      {"O159_internal_error_before_the_head", Rst(1, h2::kInternalError), "http_stream_reset", run,
       "", ""},
      {"O159_cancel_before_the_head", Rst(1, h2::kCancel), "http_stream_reset", run, "", ""},
      {"O159_enhance_your_calm_before_the_head", Rst(1, h2::kEnhanceYourCalm), "http_stream_reset",
       run, "", ""},
      {"Y16_protocol_error_before_the_head", Rst(1, h2::kProtocolError), "http_stream_reset", run,
       "", ""},
      {"O134_initial_window_that_overflows_a_stream",
       Window(1, 0x7fff0000) + Settings({{h2::kInitialWindow, 0x7fffffff}}), proto, run,
       "RST_STREAM 1 FLOW_CONTROL_ERROR", ""},
      {"O190_window_overflow_on_a_stream", Window(1, 0x7fffffff), proto, run,
       "RST_STREAM 1 FLOW_CONTROL_ERROR", ""},
  };
}

std::vector<Row> ConnectionRows() {
  const std::string run = "running";
  const std::string proto = "GOAWAY 0 PROTOCOL_ERROR";
  const std::string size = "GOAWAY 0 FRAME_SIZE_ERROR";
  const std::string flow = "GOAWAY 0 FLOW_CONTROL_ERROR";
  const std::string hpack = "GOAWAY 0 COMPRESSION_ERROR";
  const std::string begun = Frame(h2::kHeaders, 0, 1, h2::Block(kOk));  // no END_HEADERS
  const auto headers = [](std::string_view block) {
    return Frame(h2::kHeaders, h2::kEndHeaders, 1, block);
  };
  return {
      {"O132_settings_length_no_multiple_of_6", Frame(h2::kSettings, 0, 0, "12345"), run, run, size,
       "protocol"},
      {"O132_settings_on_a_stream", Frame(h2::kSettings, 0, 1, ""), run, run, proto, "protocol"},
      {"O132_settings_ack_with_a_payload", Frame(h2::kSettings, h2::kAck, 0, "123456"), run, run,
       size, "protocol"},
      {"O132_settings_ack_that_nothing_waits_for", h2::SettingsAck(), run, run, proto, "protocol"},
      {"O133_max_frame_size_0", Settings({{h2::kMaxFrame, 0}}), run, run, proto, "protocol"},
      {"O133_max_frame_size_16383", Settings({{h2::kMaxFrame, 16383}}), run, run, proto,
       "protocol"},
      {"O133_max_frame_size_2_to_24", Settings({{h2::kMaxFrame, 1 << 24}}), run, run, proto,
       "protocol"},
      {"O134_initial_window_2_to_31", Settings({{h2::kInitialWindow, 0x80000000}}), run, run, flow,
       "protocol"},
      {"O168_data_before_headers", Data(1, "abc"), run, run, proto, "protocol"},
      {"O189_window_update_of_0_on_a_stream", Window(1, 0), run, run, proto, "protocol"},
      {"O142_enable_push", Settings({{h2::kEnablePush, 1}}), run, run, proto, "protocol"},
      {"O143_push_promise",
       Frame(h2::kPush, h2::kEndHeaders, 1, h2::Number(2, 4) + h2::Block({{":method", "GET"}})),
       run, run, proto, "protocol"},
      {"O147_goaway_with_a_raised_last_id", GoAway(1, 0) + GoAway(3, 0), run, "http_stream_refused",
       proto, "protocol"},
      {"O162_reset_of_an_idle_stream", Rst(99, h2::kCancel), run, run, proto, "protocol"},
      {"O179_hpack_bad_index", headers("\xff\x7f"), "running", run, hpack, "protocol"},
      {"O179_hpack_bad_huffman_padding", headers(std::string("\0\x81\x00\x01x", 5)), "running", run,
       hpack, "protocol"},
      {"O179_hpack_table_size_above_the_limit", headers("\x3f\xe1\xff\x03"), "running", run, hpack,
       "protocol"},
      {"O179_hpack_integer_without_end", headers("\xff" + Repeat(std::string("\x80", 1), 20)),
       "running", run, hpack, "protocol"},
      {"O182_frame_inside_a_header_block", begun + Ping(), run, run, proto, "protocol"},
      {"O182_continuation_of_nothing", Frame(h2::kContinuation, h2::kEndHeaders, 1, ""), run, run,
       proto, "protocol"},
      {"O189_window_update_of_0_on_the_connection", Window(0, 0), run, run, proto, "protocol"},
      {"O190_window_overflow_on_the_connection", Window(0, 0x7fffffff), run, run, flow, "protocol"},
      {"O197_frame_longer_than_we_allow", Frame(h2::kData, 0, 1, std::string(16385, 'x')), run, run,
       size, "protocol"},
      {"O198_padding_longer_than_the_frame",
       Headers(1, kOk) + Frame(h2::kData, h2::kPadded, 1,
                               "\x10"
                               "abc"),
       run, run, proto, "protocol"},
      {"O198_data_on_stream_0", Data(0, "abc"), run, run, proto, "protocol"},
      {"O198_headers_on_an_even_stream", Headers(2, kOk), run, run, proto, "protocol"},
      {"O199_malformed_frame_after_the_end", Data(0, "abc") + Data(0, "x") + Frame(99, 0, 7, "!"),
       run, run, proto, "protocol"},
  };
}

std::vector<Row> FloodRows() {
  const std::string run = "running";
  const std::string calm = "GOAWAY 0 ENHANCE_YOUR_CALM";
  return {
      {"O132_settings_of_40_entries",
       Frame(h2::kSettings, 0, 0, Repeat(h2::Number(0xff00, 2) + h2::Number(1, 4), 40)), run, run,
       calm, "flood"},
      {"O181_continuation_flood",
       Frame(h2::kHeaders, 0, 1, "") + Repeat(Frame(h2::kContinuation, 0, 1, ""), 20), run, run,
       calm, "flood"},
      {"O184_ping_flood", Repeat(Ping(), 400), run, run, calm, "flood"},
      {"O186_settings_flood", Repeat(Settings(), 400), run, run, calm, "flood"},
      {"O187_empty_data_flood", Headers(1, kOk) + Repeat(Data(1, ""), 400), run, run, calm,
       "flood"},
      {"O187_data_of_padding_only_flood", Headers(1, kOk) + Repeat(h2::PaddedData(1, "", 9), 400),
       run, run, calm, "flood"},
      {"O188_window_update_flood", Repeat(Window(0, 1), 400), run, run, calm, "flood"},
      {"O188_priority_flood", Repeat(Frame(h2::kPriority, 0, 7, std::string("\0\0\0\1\7", 5)), 400),
       run, run, calm, "flood"},
      {"O188_unknown_frame_flood", Repeat(Frame(0xbb, 0, 0, "x"), 400), run, run, calm, "flood"},
      {"O188_origin_frame_flood", Repeat(Frame(0x0c, 0, 0, std::string("\0\1x", 3)), 400), run, run,
       calm, "flood"},
      {"O188_altsvc_flood", Repeat(Frame(0x0a, 0, 1, std::string("\0\0h2", 4)), 400), run, run,
       calm, "flood"},
      {"goaway_flood", Repeat(GoAway(0x7fffffff, 0), 400), run, run, calm, "flood"},
  };
}

INSTANTIATE_TEST_SUITE_P(InAHead, PeerBreaksTheRules, ::testing::ValuesIn(HeadRows()),
                         [](const auto& row) { return row.param.name; });
INSTANTIATE_TEST_SUITE_P(ByAFlood, PeerBreaksTheRules, ::testing::ValuesIn(FloodRows()),
                         [](const auto& row) { return row.param.name; });
INSTANTIATE_TEST_SUITE_P(OnAStream, PeerBreaksTheRules, ::testing::ValuesIn(StreamRows()),
                         [](const auto& row) { return row.param.name; });
INSTANTIATE_TEST_SUITE_P(OnTheConnection, PeerBreaksTheRules, ::testing::ValuesIn(ConnectionRows()),
                         [](const auto& row) { return row.param.name; });

struct OpeningRow {
  std::string name;
  std::string bytes;
};

void PrintTo(const OpeningRow& row, std::ostream* out) { *out << row.name; }

class Opening : public ::testing::TestWithParam<OpeningRow> {};

TEST_P(Opening, ThatIsNoHttp2SaysSo) {
  for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{1}}) {
    SessionDriver driver;
    const HeardStream& stream = driver.Send();
    driver.ReceiveInPieces(GetParam().bytes, piece);
    EXPECT_EQ(driver.failure(), "not http2");
    EXPECT_EQ(stream.outcome(), "running");  // the connection tells its exchanges
    EXPECT_FALSE(driver.session().settings_received());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Bytes, Opening,
    ::testing::Values(OpeningRow{"O128_H18_http1_text",
                                 "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"},
                      OpeningRow{"O128_other_text", "220 mail.example.com ESMTP\r\n"},
                      OpeningRow{"O129_ping_first", h2::Ping()},
                      OpeningRow{"O129_headers_first", Headers(1, kOk)},
                      OpeningRow{"O129_padded_data_first", h2::PaddedData(1, "", 3)},
                      OpeningRow{"O129_settings_ack_first", h2::SettingsAck()}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace spillway
