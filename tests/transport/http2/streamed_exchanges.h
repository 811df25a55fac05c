// Exchanges whose bodies stream, as tests of Http2Connection begin them.
//
// Thread safety: as ConnectionDriver.

#pragma once

#include <memory>
#include <utility>

#include "tests/harness/push_body.h"
#include "tests/transport/http2/connection_driver.h"

namespace spillway {

inline std::shared_ptr<HeardExchange> Post() { return std::make_shared<HeardExchange>("POST"); }
inline std::shared_ptr<PushBody> Pushed() { return std::make_shared<PushBody>(); }

// From the end of the exchange on nobody may read its body.
inline void Guard(HeardExchange& exchange, const std::shared_ptr<PushBody>& body) {
  exchange.on_done = [body] { body->Forbid(); };
}

inline std::shared_ptr<HeardExchange> Connect(ConnectionDriver& driver,
                                              const std::shared_ptr<PushBody>& body,
                                              const ExchangeLimits& limits = {}) {
  auto exchange = std::make_shared<HeardExchange>("CONNECT");
  exchange->request.target = "far.test:443";
  Guard(*exchange, body);
  ExchangeSpec spec;
  spec.body = body;
  spec.switching = ProtocolSwitch::kConnect;
  spec.limits = limits;
  return driver.Run(exchange, std::move(spec));
}

inline std::shared_ptr<HeardExchange> Expecting(ConnectionDriver& driver,
                                                const std::shared_ptr<PushBody>& body,
                                                Duration wait, const ExchangeLimits& limits = {}) {
  auto exchange = Post();
  Guard(*exchange, body);
  ExchangeSpec spec;
  spec.body = body;
  spec.expect_continue = wait;
  spec.limits = limits;
  return driver.Run(exchange, std::move(spec));
}

}  // namespace spillway
