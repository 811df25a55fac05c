// Plays the HTTP/2 steps of a script, and answers requests over HTTP/2.
//
// What it is: frames out as a script spells them; frames in read by a reader of its own, which
// shares no code with the transport's session.
//
// `h2 TYPE KEY=VALUE...`; TYPE: data headers continuation priority rst settings push_promise ping
// goaway window unknown; and respond, which answers the current one within its windows (status=,
// text=). Keys of all: stream= (N, $ the current one, $before the one before, $begun
// the last that on_head heard of, $N the Nth request; default $ for what belongs to streams, else
// 0), flags= (instead of the right ones), length= (a lie), times=N. Further: text= pad= end (data);
// status= field="name: value" name= value= block= (HPACK, appended) end more pad= (headers,
// continuation, push_promise; promised=); code= (rst, goaway); last= debug= (goaway); inc=
// (window); ack payload= (ping, settings, unknown); SETTING=N (settings); type= (unknown).
//
// `h2_expect EVENT`: headers (the next request, which becomes the current one), end (all of the
// current one), data bytes=N (of the current one), settings, ack, ping, ping_ack, rst, goaway,
// window: one that no earlier step took.
//
// In `serve`, the handler's steps are played per stream: `send` answers it with the HTTP/1.1
// response that its text is, `drip` does so a byte at a time; all others act on the connection.
// What it owns: the HPACK state and streams of one connection.
// Thread safety: none; one thread plays one connection.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/origin/h2_frames.h"
#include "tests/origin/hooks.h"
#include "tests/origin/script.h"
#include "tests/origin/seen.h"
#include "tests/origin/seen_log.h"
#include "tests/origin/wire.h"

namespace spillway {

class H2Player {
 public:
  // `other` plays a step that is not HTTP/2's.
  H2Player(Wire& wire, SeenLog& log, std::uint64_t connection, const Hooks& hooks,
           std::function<bool(const Step&)> other);

  // All answer false when the connection is over.
  bool Start(const Step& step);
  bool ReadPreface();
  bool SendFrame(const Step& step);
  bool Expect(const Step& step);
  bool Serve(std::uint64_t count);
  // Reads until the peer is gone, with or without acknowledging.
  void Run(bool polite);

 private:
  struct Stream {
    SeenRequest request;
    std::uint64_t data = 0;
    std::int64_t window = 0;
    bool ended = false;
    bool hooked = false;
    bool scripted = false;  // `h2_expect headers` took it: `serve` leaves it alone
    bool answered = false;
    bool reset = false;
  };

  bool Pump(int wait_ms);
  void Handle(const H2Frame& frame);
  void HandleSettings(const H2Frame& frame);
  void HandlePing(const H2Frame& frame);
  void HandleBlock(const H2Frame& frame);
  void HandleData(const H2Frame& frame);
  void HandleReset(const H2Frame& frame);
  void HandleGoAway(const H2Frame& frame);
  void HandleWindow(const H2Frame& frame);
  void OpenStream(std::uint32_t id, const H2Fields& fields);
  void EndStream(std::uint32_t id, Stream& stream);
  void Wrong(const std::string& what);
  std::uint64_t OpenCount() const;

  std::uint32_t StreamOf(const Step& step, std::string_view key, std::uint32_t otherwise) const;
  H2Frame FrameOf(const Step& step) const;
  bool Taken(const std::string& event);
  bool Reply(const H2Frame& frame) { return wire_.Send(FrameBytes(frame)); }
  // Answers `id` with an HTTP/1.1 response; `piece`: longest DATA.
  bool AnswerWith(std::uint32_t id, std::string_view response, std::size_t piece);
  bool SendData(std::uint32_t id, std::string_view body, std::size_t piece);
  // Plays what a hook or handler said about a stream.
  bool PlayFor(std::uint32_t id, const Script& script);
  // `moved`: it was ready for an answer.
  bool ServeOne(std::uint32_t id, bool& moved);
  void Forget();

  Wire& wire_;
  SeenLog& log_;
  const std::uint64_t connection_;
  const Hooks& hooks_;
  const std::function<bool(const Step&)> other_;
  std::string in_;
  HpackReader hpack_;
  SeenHttp2 seen_;
  std::map<std::uint32_t, Stream> streams_;
  std::vector<std::uint32_t> order_;  // of requests
  std::size_t next_request_ = 0;      // first that no `h2_expect headers` took
  std::map<std::string, std::uint64_t> events_;
  std::map<std::string, std::uint64_t> taken_;
  std::uint32_t current_ = 0;
  std::uint32_t begun_ = 0;    // highest that on_head heard of
  std::uint32_t highest_ = 0;  // id of a request; those that were answered may be forgotten
  H2Frame block_;              // a header block that is not whole yet
  std::uint32_t last_accepted_ = 0x7fffffff;  // of the GOAWAY sent: later streams are ignored
  bool polite_ = true;
  bool preface_read_ = false;
  std::int64_t initial_window_ = 65535;
  std::int64_t connection_window_ = 65535;
};

}  // namespace spillway
