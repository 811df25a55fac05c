// Is the peer still there? Deadlines for its SETTINGS, and pings when it is silent.
//
// What it is: a value that is told what arrived and says what is due. Any byte read counts as life,
// not just the answer to a ping (O-202).
// Thread safety: a plain value.
// Invariants: at most one PING is unanswered at a time.

#pragma once

#include <cstdint>

#include "transport/base/instant.h"
#include "transport/base/options.h"

namespace spillway {

class Http2Liveness {
 public:
  enum class Due : std::uint8_t {
    kNothing,
    kPing,             // send one
    kSettingsMissing,  // the peer never sent its SETTINGS (O-130)
    kAckMissing,       // nor acknowledged ours (O-131)
    kDead,             // silent since a PING (O-201)
  };

  Http2Liveness(const Http2Limits& limits, Instant now);

  void OnRead(Instant now);
  void OnSettings() { settings_due_ = kNever; }
  void OnSettingsAck() { ack_due_ = kNever; }

  // An exchange was given up that began at `started`, and nothing came since: true when a PING is
  // to be sent now, to find out before the next one waits as long (H10, O-204).
  bool OnAbandoned(Instant started, Instant now);
  // Exchanges given up like that since anything was heard. The peer may not know of it yet, so they
  // still count against its limit.
  std::uint32_t ghosts() const { return ghosts_; }

  Instant Next() const;
  Due OnTimer(Instant now);

 private:
  Duration ping_interval_;
  Duration ping_timeout_;
  Instant settings_due_;
  Instant ack_due_;
  Instant last_read_;
  Instant pinged_ = kNever;  // kNever: no PING is unanswered
  std::uint32_t ghosts_ = 0;
};

}  // namespace spillway
