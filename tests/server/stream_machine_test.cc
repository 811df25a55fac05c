#include "server/stream_machine.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace spillway {
namespace {

using Todo = StreamMachine::Todo;
using Start = StreamMachine::Start;

constexpr std::uint64_t kBuffer = 100;

// "push, end, fail, start streamed, cancel, ..." in the order in which it is done.
std::string Text(const Todo& todo) {
  std::string text;
  const auto add = [&text](bool yes, const char* word) {
    if (!yes) return;
    if (!text.empty()) text += ' ';
    text += word;
  };
  add(todo.probe, "probe");
  add(todo.push, "push");
  add(todo.end_body, "end");
  add(todo.fail_body, "fail");
  add(todo.start == Start::kNoBody, "start-empty");
  add(todo.start == Start::kWhole, "start-whole");
  add(todo.start == Start::kStreamed, "start");
  add(todo.cancel, "cancel");
  add(todo.drop, "drop");
  add(todo.cut_off, "cut-off");
  add(todo.resume, "resume");
  add(todo.read, "read");
  add(todo.write, "write");
  add(todo.refuse, "refuse");
  add(todo.finish, "finish");
  add(todo.pause, "pause");
  return text.empty() ? "-" : text;
}

// One word of a story, with numbers behind colons: "head", "head:5" (a length), "head:5:2" (with a
// first piece), "piece:2" (a first piece and no length), "tunnel", "expect", "data:3", "data:3:50"
// (which weigh more in memory), "trailers",
// "half", "gone", "fault", "probe", "pulled:3", "frame:7", "over", "over+" (frames wait),
// "written:7", "written+:7" (more wait), "broken:7".
Todo Tell(StreamMachine& machine, const std::string& word) {
  std::vector<std::string> parts;
  std::istringstream in(word);
  for (std::string part; std::getline(in, part, ':');) parts.push_back(part);
  const auto number = [&parts](std::size_t i) -> std::uint64_t {
    return i < parts.size() ? std::stoull(parts[i]) : 0;
  };
  StreamPlan plan;
  if (parts[0] == "open") return machine.OnOpen();
  if (parts[0] == "head") {
    if (parts.size() > 1) plan.length = number(1);
    plan.first_piece = plan.first_weight = number(2);
    return machine.OnHeadFrame(plan, kBuffer);
  }
  if (parts[0] == "piece" || parts[0] == "tunnel" || parts[0] == "expect") {
    plan.first_piece = number(1);
    plan.first_weight = number(parts.size() > 2 ? 2 : 1);
    plan.tunnel = parts[0] == "tunnel";
    plan.expect_continue = parts[0] == "expect";
    return machine.OnHeadFrame(plan, kBuffer);
  }
  if (parts[0] == "tunnel-with-length") {
    plan.tunnel = true;
    plan.length = 0;
    return machine.OnHeadFrame(plan, kBuffer);
  }
  if (parts[0] == "data") return machine.OnDataFrame(number(1), number(parts.size() > 2 ? 2 : 1));
  if (parts[0] == "trailers") return machine.OnTrailersFrame();
  if (parts[0] == "bad-trailers") return machine.OnTrailersFrame(BadRequest("trailers[0]", "x"));
  if (parts[0] == "half") return machine.OnHalfClose();
  if (parts[0] == "gone") return machine.OnCallerGone();
  if (parts[0] == "fault") return machine.OnFault(BadRequest("frame", "is not set"));
  if (parts[0] == "probe") return machine.OnProbeOver();
  if (parts[0] == "pulled") return machine.OnPulled(number(1));
  if (parts[0] == "frame") return machine.OnFrameQueued(number(1));
  if (parts[0] == "over") return machine.OnExchangeOver(true);
  if (parts[0] == "over+") return machine.OnExchangeOver(false);
  if (parts[0] == "written") return machine.OnWriteDone(true, number(1), true);
  if (parts[0] == "written+") return machine.OnWriteDone(true, number(1), false);
  if (parts[0] == "broken") return machine.OnWriteDone(false, number(1), true);
  if (parts[0] == "last") {
    Todo todo;
    todo.finish = machine.OnLastWrite();
    return todo;
  }
  ADD_FAILURE() << "no such word: " << word;
  return {};
}

struct Row {
  const char* name;
  // "word -> what follows; word -> ..."; the call is open already.
  const char* story;
  const char* field = "";  // of the machine's own failure
};

class StreamStory : public testing::TestWithParam<Row> {};

TEST_P(StreamStory, GoesAsItShould) {
  SCOPED_TRACE(GetParam().name);
  StreamMachine machine;
  ASSERT_EQ(Text(machine.OnOpen()), "read");
  std::istringstream steps(GetParam().story);
  for (std::string step; std::getline(steps, step, ';');) {
    const std::size_t arrow = step.find(" -> ");
    ASSERT_NE(arrow, std::string::npos) << step;
    const std::size_t begin = step.find_first_not_of(" \n");
    const std::string word = step.substr(begin, arrow - begin);
    std::string wanted = step.substr(arrow + 4);
    wanted.erase(wanted.find_last_not_of(" \n") + 1);
    ASSERT_EQ(Text(Tell(machine, word)), wanted) << "after " << word << " in: " << step;
  }
  EXPECT_EQ(machine.failure().has_value() ? machine.failure()->field : "", GetParam().field);
}

constexpr Row kLengths[] = {
    {"F3 no length, closed at once: no body",
     "head -> probe read; half -> start-empty; frame:9 -> write; over+ -> -; written+:9 -> write;"
     "written:4 -> finish"},
    {"F3 no length, data: streamed", "head -> probe read; data:3 -> push start read; half -> end"},
    {"F3 no length, silence: streamed", "head -> probe read; probe -> start; half -> end"},
    {"an empty data frame ends the wait", "head -> probe read; data:0 -> start read; half -> end"},
    {"a piece with the head and closed at once: its length is known",
     "piece:3 -> probe push read; half -> start-whole"},
    {"a piece with the head and more: streamed",
     "piece:3 -> probe push read; data:2 -> push start read; half -> end"},
    {"a piece with the head that fills the buffer: streamed",
     "piece:100 -> push start; pulled:100 -> read; half -> end"},
    {"F4 an expecting body is not waited for", "expect -> start read; half -> end"},
    {"the wait is over once only", "head -> probe read; data:3 -> push start read; probe -> -"},
    {"the wait ends with the caller", "head -> probe read; gone -> drop refuse finish; probe -> -"},
    {"a length starts at once", "head:5 -> start read; data:5 -> push read; half -> end"},
    {"length 0: no body", "head:0 -> start-empty read; half -> end"},
    {"length 0 and data", "head:0 -> start-empty read; data:1 -> fail cancel; over -> finish",
     "content_length"},
    {"C-018 one byte more", "head:10 -> start read; data:11 -> fail cancel; over -> finish",
     "content_length"},
    {"C-018 one byte more in pieces",
     "head:10:4 -> push start read; data:6 -> push read; data:1 -> fail cancel", "content_length"},
    {"C-018 one byte less",
     "head:10 -> start read; data:9 -> push read; half -> fail cancel; over -> finish",
     "content_length"},
    {"C-018 the first piece is too long", "head:2:3 -> refuse finish", "content_length"},
    {"C-018 nothing at all", "head:1 -> start read; half -> fail cancel", "content_length"},
};
INSTANTIATE_TEST_SUITE_P(Lengths, StreamStory, testing::ValuesIn(kLengths));

constexpr Row kOrder[] = {
    {"data first", "data:1 -> refuse finish", "head"},
    {"trailers first", "trailers -> refuse finish", "head"},
    {"no head", "half -> refuse finish", "head"},
    {"gone before the head", "gone -> drop refuse finish"},
    {"a frame that is none", "fault -> refuse finish", "frame"},
    {"a frame that is none, later", "head:5 -> start read; fault -> fail cancel", "frame"},
    {"two heads", "head:5 -> start read; head:5 -> fail cancel", "head"},
    {"two heads while waiting", "head -> probe read; head -> refuse finish", "head"},
    {"trailers, then closed", "head -> probe read; trailers -> start read; half -> end"},
    {"data behind trailers",
     "head -> probe read; trailers -> start read; data:1 -> fail cancel; over -> finish", "data"},
    {"trailers twice", "head -> probe read; trailers -> start read; trailers -> fail cancel",
     "trailers"},
    {"trailers behind a known length", "head:1 -> start read; trailers -> fail cancel", "trailers"},
    {"trailers that may not be sent", "head -> probe read; bad-trailers -> refuse finish",
     "trailers[0]"},
    {"trailers that may not be sent, out of place",
     "head:1 -> start read; bad-trailers -> fail cancel", "trailers"},
    {"trailers in a tunnel", "tunnel -> start read; trailers -> fail cancel", "trailers"},
    {"a length for a tunnel", "tunnel-with-length -> refuse finish", "content_length"},
    {"what comes after a fault is nothing",
     "head:5 -> start read; fault -> fail cancel; data:1 -> -; half -> -; gone -> drop;"
     "over -> cut-off finish; gone -> -",
     "frame"},
};
INSTANTIATE_TEST_SUITE_P(Order, StreamStory, testing::ValuesIn(kOrder));

constexpr Row kEnds[] = {
    {"frames are written one at a time",
     "head:0 -> start-empty read; frame:9 -> write; frame:5 -> -; written+:9 -> write;"
     "frame:3 -> -; over+ -> -; written+:5 -> write; written:3 -> finish"},
    {"the end waits for what is being written",
     "head:0 -> start-empty read; frame:9 -> write; over -> -; written:9 -> finish"},
    {"the last frame carries the end",
     "head:0 -> start-empty read; frame:9 -> write; last -> -; over+ -> -; last -> finish;"
     "gone -> -"},
    {"a response ends while the caller still sends",
     "head:9 -> start read; data:3 -> push read; frame:9 -> write; over -> -; data:3 -> -;"
     "written:9 -> finish; half -> -"},
    {"an exchange without a response", "head:0 -> start-empty read; over -> finish"},
    {"C-019 gone while it sends",
     "head:9 -> start read; data:3 -> push read; gone -> fail cancel drop; pulled:3 -> -;"
     "over -> cut-off finish"},
    {"gone while a frame is written",
     "head:0 -> start-empty read; frame:9 -> write; gone -> fail cancel drop; broken:9 -> -;"
     "over -> cut-off finish"},
    {"gone, the exchange first",
     "head:0 -> start-empty read; frame:9 -> write; gone -> fail cancel drop; over -> cut-off;"
     "broken:9 -> finish"},
    {"gone when all is over but the writing",
     "head:0 -> start-empty read; frame:9 -> write; over+ -> -; gone -> drop cut-off;"
     "broken:9 -> finish"},
    {"a write that fails says that the caller is gone",
     "head:0 -> start-empty read; frame:9 -> write; broken:9 -> fail cancel drop; gone -> -;"
     "over -> cut-off finish"},
    {"a write that fails when all else is over",
     "head:0 -> start-empty read; frame:9 -> write; over -> -; broken:9 -> drop cut-off finish"},
    {"what was queued before a fault is still written",
     "head:9 -> start read; frame:9 -> write; frame:5 -> -; fault -> fail cancel; over+ -> -;"
     "written+:9 -> write; written:5 -> finish",
     "frame"},
};
INSTANTIATE_TEST_SUITE_P(Ends, StreamStory, testing::ValuesIn(kEnds));

constexpr Row kPressure[] = {
    {"no read while the body's buffer is full",
     "head:300 -> start read; data:99 -> push read; data:1 -> push; pulled:1 -> read;"
     "data:50 -> push; pulled:49 -> -; pulled:1 -> read"},
    {"little that holds much fills the buffer as well",
     "head:300 -> start read; data:1:99 -> push read; data:1:60 -> push; pulled:59 -> -;"
     "pulled:1 -> read; data:298:298 -> push; half -> end"},
    {"so does a piece with the head", "piece:3:100 -> push start; pulled:100 -> read; half -> end"},
    {"one read at a time",
     "head:300 -> start read; pulled:0 -> -; data:10 -> push read; pulled:10 -> -"},
    {"no read after the half-close",
     "head:3 -> start read; data:3 -> push read; half -> end;"
     "pulled:3 -> -"},
    {"the origin pauses above the limit and goes on below half of it",
     "head:0 -> start-empty read; frame:60 -> write; frame:40 -> -; frame:1 -> pause;"
     "frame:60 -> pause; written+:60 -> write; written+:50 -> write; written+:1 -> resume write;"
     "written:50 -> -"},
    {"nothing resumes what is cancelled",
     "head:0 -> start-empty read; frame:101 -> write pause; gone -> fail cancel drop;"
     "written:101 -> -; over -> cut-off finish"},
    {"nothing resumes what is over",
     "head:0 -> start-empty read; frame:101 -> write pause; over -> -; written:101 -> finish"},
};
INSTANTIATE_TEST_SUITE_P(Pressure, StreamStory, testing::ValuesIn(kPressure));

TEST(StreamMachine, CountsWhatIsQueued) {
  StreamMachine machine;
  machine.OnOpen();
  machine.OnHeadFrame({.length = 50, .first_piece = 8, .first_weight = 10}, kBuffer);
  machine.OnDataFrame(15, 20);
  EXPECT_EQ(machine.queued_to_origin(), 30u);
  machine.OnPulled(10);
  EXPECT_EQ(machine.queued_to_origin(), 20u);
  machine.OnFrameQueued(7);
  machine.OnFrameQueued(8);
  EXPECT_EQ(machine.queued_to_caller(), 15u);
  machine.OnWriteDone(true, 7, false);
  EXPECT_EQ(machine.queued_to_caller(), 8u);
  EXPECT_TRUE(machine.wants_response());
  machine.OnCallerGone();
  EXPECT_FALSE(machine.wants_response());
  EXPECT_EQ(machine.queued_to_caller(), 0u);
}

}  // namespace
}  // namespace spillway
