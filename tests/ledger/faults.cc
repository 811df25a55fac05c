#include "tests/ledger/faults.h"

#include <algorithm>
#include <utility>

#include "tests/ledger/entry.h"

namespace spillway {
namespace {

Step Send(std::string bytes) {
  Step step{StepKind::kSend};
  step.text = std::move(bytes);
  return step;
}

// Longest answer, or beginning of one, that is sent a byte at a time.
constexpr std::size_t kMaxDrip = 4096;

Step Drip(const std::string& bytes) {
  Step step{StepKind::kDrip};
  step.text = bytes;
  step.every_us = 20;
  return step;
}

std::string Repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// Of the body, so that a part of it is never taken for somebody else's.
std::string FirstByte(const std::string& answer) {
  const std::string body = answer.substr(answer.find("\r\n\r\n") + 4);
  const bool chunked = answer.find("Transfer-Encoding: chunked") != std::string::npos;
  return body.substr(chunked && !body.empty() ? body.find("\r\n") + 2 : 0, 1);
}

Step Frame(const std::string& type, std::vector<std::pair<std::string, std::string>> arguments) {
  Step step{StepKind::kH2Frame, type};
  step.arguments = std::move(arguments);
  return step;
}

}  // namespace

std::uint64_t Draw(std::uint64_t seed, std::string_view id, std::uint64_t salt) {
  std::uint64_t x = seed ^ Digest(id) ^ (salt * 0x9e3779b97f4a7c15U);
  x ^= x >> 30U;
  x *= 0xbf58476d1ce4e5b9U;
  x ^= x >> 27U;
  x *= 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

Fault FaultFor(std::uint64_t seed, std::string_view id, std::uint64_t connection,
               std::uint64_t parts_per_million) {
  const std::uint64_t draw = Draw(seed, id, connection);
  if (draw % 1000000 >= parts_per_million) return Fault::kNone;
  constexpr auto kKinds = static_cast<std::uint64_t>(Fault::kCount) - 1;
  return static_cast<Fault>(1 + (draw >> 32U) % kKinds);
}

bool IsBeforeBody(Fault fault) {
  return fault == Fault::kResetAtHead || fault == Fault::kFinAtHead ||
         fault == Fault::kEarlyRefusal;
}

bool Answers(Fault fault) { return fault == Fault::kNone || fault >= Fault::kSurplus; }

Script ScriptOf(Fault fault, const std::string& answer) {
  const std::size_t body = answer.find("\r\n\r\n") + 4;
  const std::string first_byte = FirstByte(answer);
  const Step fin{StepKind::kFin};
  const Step rst{StepKind::kRst};
  switch (fault) {
    case Fault::kNone:
    case Fault::kCount:
      return {Send(answer)};
    case Fault::kResetAtHead:
    case Fault::kResetUnanswered:
      return {rst};
    case Fault::kFinAtHead:
      return {Step{StepKind::kHalfClose}, Step{StepKind::kClose}};
    case Fault::kEarlyRefusal:
      return {Send("HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), fin};
    case Fault::kFinUnanswered:
      return {fin};
    case Fault::kCutHead:
      return {Send(answer.substr(0, body / 2)), fin};
    case Fault::kCutBody:
      return {Send(answer.substr(0, body + (answer.size() - body) / 2)), fin};
    case Fault::kResetInBody:
      return {Send(answer.substr(0, body + (answer.size() - body) / 2)), rst};
    case Fault::kCutChunks:
      return {
          Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n" + first_byte + "\r\n"),
          fin};
    case Fault::kGarbage:
      return {Send("\x16\x03\x01 this is no HTTP\r\n\r\n"), fin};
    case Fault::kTwoFramings:
      return {Send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "0\r\n\r\n"),
              fin};
    case Fault::kInformationalFlood:
      return {Send(Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20)), Send(answer), fin};
    case Fault::kSilence:
      return {Step{StepKind::kStall}};
    case Fault::kSurplus:
      return {Send(answer + "surplus"), Step{StepKind::kStall}};
    case Fault::kSaysClose:
      return {Send("HTTP/1.1 200 OK\r\nConnection: close" + answer.substr(answer.find("\r\n"))),
              fin};
    case Fault::kFinAfter:
      return {Send(answer), fin};
    case Fault::kResetAfter:
      return {Send(answer), rst};
    case Fault::kUnsolicited:
      // In one piece: what arrives behind the next request is that request's answer to any client.
      return {Send(answer + Answer(200, "evil", "X-Id: evil\r\n")), Step{StepKind::kStall}};
    case Fault::kDrip:
      return {Drip(answer.substr(0, kMaxDrip)),
              Send(answer.substr(std::min(kMaxDrip, answer.size())))};
  }
  return {};
}

Script Http2Refusal(std::uint64_t seed, std::string_view id, std::uint64_t connection,
                    std::uint64_t parts_per_million) {
  const std::uint64_t draw = Draw(seed, id, connection + 0x10000000);
  if (draw % 1000000 >= parts_per_million) return {};
  if ((draw >> 32U) % 4 != 0) return {Frame("rst", {{"code", "REFUSED_STREAM"}})};
  return {Frame("goaway", {{"last", "$before"}})};
}

Script Http2ScriptOf(Fault fault, const std::string& answer) {
  const Step reset = Frame("rst", {{"code", "INTERNAL_ERROR"}});
  const Step head = Frame("headers", {{"status", "200"}, {"field", "content-length: 50"}});
  const Step data = Frame("data", {{"text", FirstByte(answer)}});
  const Step rst{StepKind::kRst};
  const Step fin{StepKind::kFin};
  switch (fault) {
    case Fault::kNone:
    case Fault::kCount:
      return {Send(answer)};
    case Fault::kResetAtHead:
    case Fault::kResetUnanswered:
      return {reset};
    case Fault::kFinAtHead:
      return {Step{StepKind::kHalfClose}, Step{StepKind::kClose}};
    case Fault::kEarlyRefusal:
      return {Send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
              Frame("rst", {{"code", "NO_ERROR"}})};
    case Fault::kFinUnanswered:
      return {fin};
    case Fault::kCutHead:
      return {Frame("headers", {{"status", "200"}, {"more", ""}}), rst};
    case Fault::kCutBody:
      return {head, data, Frame("data", {{"end", ""}})};
    case Fault::kResetInBody:
      return {head, data, reset};
    case Fault::kCutChunks:
      return {head, data, rst};
    case Fault::kGarbage:
      return {Frame("unknown", {{"type", "4"}, {"payload", "this is no SETTINGS"}}), fin};
    case Fault::kTwoFramings:
      return {Frame("headers",
                    {{"status", "200"}, {"field", "transfer-encoding: chunked"}, {"end", ""}})};
    case Fault::kInformationalFlood:
      return {Frame("headers", {{"status", "103"}, {"times", "20"}}), Send(answer)};
    case Fault::kSilence:
      return {Frame("ping", {})};  // and no answer
    case Fault::kSurplus:
      return {Send(answer), data};
    case Fault::kSaysClose:
      return {Send(answer), Frame("goaway", {{"last", "$begun"}})};
    case Fault::kFinAfter:
      return {Send(answer), fin};
    case Fault::kResetAfter:
      return {Send(answer), rst};
    case Fault::kUnsolicited:
      return {Send(answer),
              Frame("headers", {{"status", "200"}, {"field", "x-id: evil"}, {"end", ""}})};
    case Fault::kDrip:
      return {answer.size() > kMaxDrip ? Send(answer) : Drip(answer)};
  }
  return {};
}

}  // namespace spillway
