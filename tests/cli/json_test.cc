// Messages as JSON.

#include "cli/json.h"

#include <gtest/gtest.h>

#include <string>

#include "spillway/v1/admin.pb.h"
#include "spillway/v1/egress.pb.h"

namespace spillway::cli {
namespace {

TEST(JsonOf, TimesAreSecondsAndLargeNumbersAreNumbers) {
  spillway::v1::Exchange exchange;
  exchange.set_bytes_sent(18446744073709551615ULL);
  exchange.mutable_timings()->mutable_total()->set_nanos(1'500'000);
  const Json json = JsonOf(exchange);
  EXPECT_EQ(json["bytes_sent"], 18446744073709551615ULL);
  EXPECT_EQ(json["timings"]["total"], 0.0015);
  EXPECT_FALSE(json["timings"].contains("dns"));
  EXPECT_FALSE(json.contains("tls"));
  EXPECT_EQ(json["reused"], false);
  EXPECT_EQ(json["hops"], Json::array());
}

TEST(JsonOf, BytesAreTextOrBase64) {
  spillway::v1::HttpResponse response;
  response.set_body("gr\xc3\xbc\xc3\x9f");
  auto* header = response.add_headers();
  header->set_name("X");
  header->set_value("\xff\xfe");
  const Json json = JsonOf(response);
  EXPECT_EQ(json["body"], "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(json["headers"][0]["value"]["base64"], "//4=");
  EXPECT_EQ(Compact(json["headers"]), R"([{"name":"X","value":{"base64":"//4="}}])");
}

TEST(EnumLabel, IsTheWordWithoutItsPrefix) {
  EXPECT_EQ(LabelOf(spillway::v1::DELIVERY_NOT_SENT), "not_sent");
  EXPECT_EQ(LabelOf(spillway::v1::REASON_HTTP_RESPONSE_BODY_SIZE), "http_response_body_size");
  EXPECT_EQ(LabelOf(spillway::v1::PHASE_UNSPECIFIED), "");
  // Clients accept values that they do not know.
  EXPECT_EQ(EnumLabel(*spillway::v1::Reason_descriptor(), 999), "999");
}

TEST(JsonOf, EveryMessageOfTheWireCanBeShown) {
  const auto* file = spillway::v1::EgressError::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) {
    const auto* type = file->message_type(i);
    const auto* prototype =
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
    EXPECT_TRUE(JsonOf(*prototype).is_object()) << type->name();
  }
}

}  // namespace
}  // namespace spillway::cli
