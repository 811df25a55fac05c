#include "transport/timeline.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway {
namespace {

using std::chrono::seconds;
using Kind = TimelineEvent::Kind;
using Step = DialStep::Kind;

constexpr Instant kBase = Instant(seconds(1000));

Instant At(int second) { return kBase + seconds(second); }

DialStep Made(Step kind, int began, int ended, Reason error = Reason::kNone) {
  return {kind, false, At(began), At(ended), error};
}

std::string Text(const std::vector<TimelineEvent>& events) {
  std::string text;
  for (const TimelineEvent& event : events) {
    text += (text.empty() ? "" : " ") + std::string(Label(event.kind)) + "@" +
            std::to_string((event.at - kBase) / seconds(1)) +
            (event.note.empty() ? "" : "(" + std::string(event.note) + ")");
  }
  return text;
}

std::string Text(const Timings& timings) {
  const auto part = [](const char* name, Duration length) {
    return length == Duration() ? "" : name + std::to_string(length / seconds(1)) + " ";
  };
  return part("queue", timings.queue) + part("dns", timings.dns) +
         part("connect", timings.connect) + part("proxy", timings.proxy) + part("tls", timings.tls);
}

const DialSteps kDial = {Made(Step::kDns, 0, 2), Made(Step::kConnect, 2, 3),
                         Made(Step::kTls, 3, 7)};

TEST(Timeline, AWaitIsMadeOfTheStepsOfItsDialAndTheQueue_M3) {
  struct Row {
    int began;
    int ended;
    const char* timings;
    const char* events;
  };
  const Row rows[] = {
      // The dial was made for this wait.
      {0, 7, "dns2 connect1 tls4 ",
       "dns_start@0 dns_done@2 connect_start@2 connect_done@3 tls_start@3 tls_done@7"},
      // It had to wait for its turn to dial, and a little before it heard.
      {-5, 8, "queue6 dns2 connect1 tls4 ",
       "dns_start@0 dns_done@2 connect_start@2 connect_done@3 tls_start@3 tls_done@7"},
      // The dial had begun for somebody else.
      {1, 7, "dns1 connect1 tls4 ",
       "dns_start@1 dns_done@2 connect_start@2 connect_done@3 tls_start@3 tls_done@7"},
      {5, 7, "tls2 ", "tls_start@5 tls_done@7"},
      // It was over before anybody waited.
      {9, 11, "queue2 ", ""},
  };
  for (const Row& row : rows) {
    const Wait wait = {At(row.began), At(row.ended)};
    Timings timings;
    AddWait(wait, kDial, timings);
    EXPECT_EQ(Text(timings), row.timings);
    std::vector<TimelineEvent> events;
    AddDialEvents(wait, kDial, 1, events);
    EXPECT_EQ(Text(events), row.events);
  }
}

TEST(Timeline, TlsWithAProxyIsThePhaseOfTheProxy_M7) {
  DialSteps dial = {Made(Step::kTls, 0, 1), Made(Step::kProxy, 1, 3),
                    Made(Step::kTls, 3, 4, Reason::kTlsAlertReceived)};
  dial[0].with_proxy = true;
  Timings timings;
  AddWait({At(0), At(4)}, dial, timings);
  EXPECT_EQ(Text(timings), "proxy3 tls1 ");
  std::vector<TimelineEvent> events;
  AddDialEvents({At(0), At(4)}, dial, 1, events);
  EXPECT_EQ(Text(events),
            "tls_start@0(proxy) tls_done@1 proxy_start@1 proxy_done@3 tls_start@3 "
            "tls_done@4(tls_alert_received)");
}

TEST(Timeline, AnExchangeTellsWhatHappenedToIt_M1) {
  ExchangeResult result;
  result.started = At(1);
  result.headers_written = At(1);
  result.waited_100 = At(1);
  result.got_100 = At(2);
  result.written = At(3);
  result.first_byte = At(2);
  result.ended = At(5);
  std::vector<TimelineEvent> events;
  AddExchangeEvents(result, 1, events);
  SortEvents(events);
  EXPECT_EQ(Text(events),
            "headers_written@1 wait_100@1 got_100@2 first_byte@2 written@3 body_done@5");
}

TEST(Timeline, AHeadThatWentWithItsBodyWasWrittenWithIt_M1) {
  ExchangeResult result;
  result.written = At(3);
  result.ended = At(4);
  result.failure.emplace();
  std::vector<TimelineEvent> events;
  AddExchangeEvents(result, 1, events);
  EXPECT_EQ(Text(events), "headers_written@3 written@3");
  events.clear();
  result.written = kNever;
  AddExchangeEvents(result, 1, events);
  EXPECT_EQ(Text(events), "") << "nothing was written, and nothing read to its end";
}

TEST(Timeline, WhatHappenedAtOnceHasTheOrderOfAFreshConnection_M1) {
  std::vector<TimelineEvent> events;
  for (const Kind kind :
       {Kind::kPutIdle, Kind::kBodyDone, Kind::kFirstData, Kind::kHead, Kind::kFirstByte,
        Kind::kWritten, Kind::kHeadersWritten, Kind::kGranted, Kind::kTlsDone, Kind::kQueued}) {
    events.push_back({.kind = kind, .at = At(1), .attempt = 1});
  }
  events.push_back({.kind = Kind::kQueued, .at = At(1), .attempt = 2});
  events.push_back({.kind = Kind::kStarted, .at = At(1)});
  SortEvents(events);
  EXPECT_EQ(Text(events),
            "started@1 queued@1 tls_done@1 granted@1 headers_written@1 written@1 first_byte@1 "
            "head@1 first_data@1 body_done@1 put_idle@1 queued@1");
}

TEST(Timeline, KeepsItsLastPlaceForTheEnd) {
  std::vector<TimelineEvent> events;
  for (int i = 0; i < 100; ++i) AddEvent(events, {.kind = Kind::kInformational, .at = At(i)});
  EXPECT_EQ(events.size(), kMaxTimelineEvents - 1);
  AddEvent(events, {.kind = Kind::kEnded, .at = At(100)});
  AddEvent(events, {.kind = Kind::kEnded, .at = At(101)});
  ASSERT_EQ(events.size(), kMaxTimelineEvents);
  EXPECT_EQ(events.back().kind, Kind::kEnded);
}

}  // namespace
}  // namespace spillway
