#include "server/multiplex_machine.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace spillway {
namespace {

using Member = MultiplexMachine::Member;
using Placement = MultiplexMachine::Placement;
using Verdict = MultiplexMachine::Verdict;

// Plays a line of events and writes down what the machine answers, one word each:
//   read, msg, handled, half, gone, all    bare events
//   call:ID, cancel:ID                     in a message
//   res:ID:BYTES, refuse:BYTES             results
//   write, written, finish                 the way out
//   may, queued, results, messages         what the machine tells of itself
class Script {
 public:
  explicit Script(const MultiplexLimits& limits) : machine_(limits) {}

  std::string Play(const std::string& line) {
    std::istringstream words(line);
    std::string answers;
    for (std::string word; words >> word;) {
      const std::string answer = Step(word);
      if (answer.empty()) continue;
      answers += (answers.empty() ? "" : " ") + answer;
    }
    return answers;
  }

 private:
  static std::string YesNo(bool yes) { return yes ? "yes" : "no"; }
  static std::string Name(Placement placement) {
    return placement == Placement::kDropped       ? "dropped"
           : placement == Placement::kSameMessage ? "same"
                                                  : "new";
  }

  std::string Bare(const std::string& word) {
    if (word == "read") return YesNo(machine_.StartRead());
    if (word == "msg") machine_.OnMessage();
    if (word == "handled") machine_.OnHandled();
    if (word == "half") machine_.OnReadsEnded();
    if (word == "gone") machine_.OnGone();
    if (word == "all") return std::to_string(machine_.CancelAll().size());
    if (word == "may") return YesNo(machine_.MayHandle());
    if (word == "write") return YesNo(machine_.StartWrite());
    if (word == "written") machine_.OnWritten();
    if (word == "finish") return YesNo(machine_.TakeFinish());
    if (word == "queued") return std::to_string(machine_.queued_bytes());
    if (word == "results") return std::to_string(machine_.queued_results());
    if (word == "messages") return std::to_string(machine_.written_messages());
    return "";
  }

  std::string Step(const std::string& word) {
    const std::size_t colon = word.find(':');
    if (colon == std::string::npos) return Bare(word);
    const std::string what = word.substr(0, colon);
    std::size_t used = 0;
    const std::uint64_t first = std::stoull(word.substr(colon + 1), &used);
    const std::size_t second = colon + 1 + used;
    if (what == "call") {
      members_.push_back(std::make_unique<Member>(Member{first, false}));
      const Verdict verdict = machine_.OnCall(*members_.back());
      return verdict == Verdict::kStart     ? "start"
             : verdict == Verdict::kTooMany ? "too-many"
             : verdict == Verdict::kBadId   ? "bad-id"
                                            : "stop";
    }
    if (what == "cancel") return YesNo(machine_.OnCancel(first) != nullptr);
    if (what == "refuse") return Name(machine_.OnRefusal(first));
    for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
      if ((*member)->id != first) continue;
      return Name(machine_.OnResult(**member, std::stoull(word.substr(second + 1))));
    }
    return "?";
  }

  MultiplexMachine machine_;
  std::vector<std::unique_ptr<Member>> members_;
};

struct Row {
  const char* name;
  const char* events;
  const char* answers;
};

// Two calls in flight, messages of 100 bytes, 250 bytes and four results queued.
TEST(MultiplexMachine, KeepsItsRules) {
  const MultiplexLimits limits{.max_in_flight = 2,
                               .max_queued_bytes = 250,
                               .max_queued_results = 4,
                               .max_message_bytes = 100};
  const Row rows[] = {
      {"nothing but a half-close", "read half finish finish", "yes yes no"},
      {"one read at a time", "read read msg read handled read", "yes no no yes"},
      {"a call and its result", "read msg call:1 handled res:1:10 write written read half finish",
       "yes start new yes yes yes"},
      {"id zero (C-049)", "read msg call:0", "yes bad-id"},
      {"an id in flight (C-049)", "read msg call:1 call:1", "yes start bad-id"},
      {"the largest id, and the smallest after it (C-049)",
       "read msg call:18446744073709551615 call:1", "yes start start"},
      {"an id again after its result", "read msg call:1 res:1:5 call:1", "yes start new start"},
      {"one too many, which disturbs nobody",
       "read msg call:1 call:2 call:3 refuse:5 res:1:5 call:3",
       "yes start start too-many new same start"},
      {"an id in flight while there is no room", "read msg call:1 call:2 call:2",
       "yes start start bad-id"},
      {"an unknown cancel is ignored (C-049)", "read msg call:1 cancel:9 cancel:0",
       "yes start no no"},
      {"a cancel counts once", "read msg call:1 cancel:1 cancel:1 res:1:5 cancel:1",
       "yes start yes no new no"},
      {"everything is cancelled once (C-051)", "read msg call:1 call:2 cancel:1 all all",
       "yes start start yes 1 0"},
      {"half-close with ids in flight (C-051)",
       "read msg call:1 call:2 handled read half finish res:2:5 finish write written finish "
       "res:1:5 finish write finish written finish",
       "yes start start yes no new no yes no new no yes no yes"},
      {"what is ready together leaves together",
       "read msg call:1 call:2 res:1:40 res:2:60 write written write",
       "yes start start new same yes no"},
      {"what becomes ready during a write waits for the next",
       "read msg call:1 call:2 res:1:10 write res:2:10 write written write written write",
       "yes start start new yes new no yes no"},
      {"a message is full", "read msg call:1 call:2 res:1:60 res:2:41 write written write",
       "yes start start new new yes yes"},
      {"a result above the limit is alone",
       "read msg call:1 call:2 res:1:170 res:2:1 write written write",
       "yes start start new new yes yes"},
      {"nor is it put to another", "read msg call:1 call:2 res:1:1 res:2:100",
       "yes start start new new"},
      {"unread results stop the reading",
       "read msg call:1 call:2 res:1:100 res:2:150 may handled read write read written read",
       "yes start start new new no no yes no yes"},
      {"so do many small ones, written or being written (C-042)",
       "read msg refuse:1 write refuse:1 refuse:1 may refuse:1 may handled read written results "
       "may read",
       "yes new yes new same yes same no no 3 yes yes"},
      {"results count again when a reset drops them", "read msg refuse:1 refuse:1 gone results",
       "yes new same 0"},
      {"what was written is counted", "read msg refuse:1 messages write messages written messages",
       "yes new 0 yes 0 1"},
      {"the end waits for what is being handled", "read msg half finish handled finish",
       "yes no yes"},
      {"a reset drops what waits, and what comes (C-051)",
       "read msg call:1 call:2 handled res:1:10 write res:2:10 gone queued finish written queued "
       "finish",
       "yes start start new yes new 10 no 0 yes"},
      {"a reset waits for what is in flight",
       "read msg call:1 handled gone all finish res:1:10 finish", "yes start 1 no dropped yes"},
      {"a reset waits for an outstanding read", "read gone finish half finish", "yes no yes"},
      {"nothing is started after a reset", "read msg gone call:1 call:0", "yes stop stop"},
      {"nor after the reads ended for a bad message", "read msg half call:1", "yes stop"},
      {"a reset after the end changes nothing", "read half finish gone finish", "yes yes no"},
      {"nothing is read after a reset", "gone read finish", "no yes"},
  };
  for (const Row& row : rows) {
    Script script(limits);
    EXPECT_EQ(script.Play(row.events), row.answers) << row.name;
  }
}

TEST(MultiplexMachine, HasTheContractsLimits) {
  const MultiplexLimits limits;
  EXPECT_EQ(limits.max_in_flight, 1024u);
  EXPECT_EQ(limits.max_queued_bytes, 4u * 1024 * 1024);
  EXPECT_EQ(limits.max_queued_results, 3072u);
  EXPECT_EQ(limits.max_message_bytes, 1024u * 1024);
}

}  // namespace
}  // namespace spillway
