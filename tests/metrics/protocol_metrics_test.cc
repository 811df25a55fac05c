// What metrics tell of TLS and of the versions of HTTP.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "metrics/metrics.h"
#include "tests/metrics/exposition_text.h"
#include "tests/metrics/records_for_test.h"

namespace spillway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ProtocolMetrics : public testing::Test {
 protected:
  ProtocolMetrics() : metrics_(MetricsOptions{}) {
    metrics_.SetPoolSource([this] { return pools_; });
  }

  std::vector<PoolSnapshot> pools_;
  Metrics metrics_;
};

TEST_F(ProtocolMetrics, CountsHandshakesByVersionAndResumption) {
  const auto key = metrics_.ForKey(KeyOf("a.example", 8443), "");
  DialRecord dial;
  dial.resolved = dial.connected = dial.proxied = true;
  dial.proxying = milliseconds(30);
  dial.securing = milliseconds(20);
  dial.proxy_tls = TlsFacts{"TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", false};
  dial.tls = TlsFacts{"TLSv1.3", "TLS_AES_128_GCM_SHA256", true};
  key->OnDial(dial);
  dial.proxied = false;
  dial.proxy_tls.reset();
  key->OnDial(dial);
  dial.tls->resumed = false;
  key->OnDial(dial);
  dial.tls->version = "TLSv9";
  key->OnDial(dial);
  dial.tls.reset();  // failed before it was secured
  dial.error = Reason::kTlsProtocolError;
  key->OnDial(dial);
  const auto samples = Samples(*metrics_.Scrape());
  const std::string count = "spillway_tls_handshakes_total{destination=\"a.example:8443\",";
  EXPECT_EQ(samples.at(count + "tls_protocol_version=\"1.2\",resumed=\"false\"}"), 1);
  EXPECT_EQ(samples.at(count + "tls_protocol_version=\"1.3\",resumed=\"true\"}"), 2);
  EXPECT_EQ(samples.at(count + "tls_protocol_version=\"1.3\",resumed=\"false\"}"), 1);
  EXPECT_EQ(samples.at(count + "tls_protocol_version=\"other\",resumed=\"false\"}"), 1);
  EXPECT_FALSE(samples.contains(count + "tls_protocol_version=\"1.2\",resumed=\"true\"}"));
  const std::string phase = "spillway_dial_phase_duration_seconds_";
  const std::string tls = "{destination=\"a.example:8443\",phase=\"tls\"}";
  const std::string proxy = "{destination=\"a.example:8443\",phase=\"proxy_connect\"}";
  EXPECT_EQ(samples.at(phase + "count" + tls), 4);
  EXPECT_EQ(samples.at(phase + "sum" + tls), 0.08);
  EXPECT_EQ(samples.at(phase + "count" + proxy), 1);
  EXPECT_EQ(samples.at(phase + "sum" + proxy), 0.03);
}

// A key that leaves the version to ALPN learns it from its connections.
TEST_F(ProtocolMetrics, LabelsConnectionsByTheVersionThatTheySpeak) {
  PoolKey key = KeyOf("a.example", 8443);
  key.protocol = "auto";
  const auto observer = metrics_.ForKey(key, "");
  observer->OnConnectionClosed({CloseReason::kGoAway, 7, seconds(40), "HTTP/2"});
  observer->OnConnectionClosed({CloseReason::kFlood, 9, seconds(1), "HTTP/2"});
  observer->OnConnectionClosed({CloseReason::kPeerFin, 1, seconds(1), "HTTP/1.1"});
  HostPoolSnapshot state;
  state.idle = 1;
  state.active = 2;
  state.streams = 70;
  state.stream_limit = 300;
  pools_ = {SnapshotOf(key, state)};
  pools_[0].protocol = "HTTP/2";
  const auto samples = Samples(*metrics_.Scrape());
  const std::string uses =
      "spillway_pool_connection_uses_sum{destination=\"a.example:8443\","
      "network_protocol_version=\"";
  EXPECT_EQ(samples.at(uses + "2\"}"), 16);
  EXPECT_EQ(samples.at(uses + "1.1\"}"), 1);
  const std::string closed =
      "spillway_connections_closed_total{destination=\"a.example:8443\",reason=\"";
  EXPECT_EQ(samples.at(closed + "goaway\"}"), 1);
  EXPECT_EQ(samples.at(closed + "flood\"}"), 1);
  const std::string open =
      "http_client_open_connections{server_address=\"a.example\",server_port=\"8443\","
      "http_connection_state=\"";
  EXPECT_EQ(samples.at(open + "idle\",network_protocol_version=\"2\"}"), 1);
  EXPECT_EQ(samples.at(open + "active\",network_protocol_version=\"2\"}"), 2);
  EXPECT_EQ(samples.at("spillway_pool_streams_active{destination=\"a.example:8443\"}"), 70);
  EXPECT_EQ(samples.at("spillway_pool_streams_limit{destination=\"a.example:8443\"}"), 300);
}

}  // namespace
}  // namespace spillway
