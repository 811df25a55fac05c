#include "server/stream_machine.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace spillway {

using Todo = StreamMachine::Todo;

Todo StreamMachine::Reading(Todo todo) {
  const bool over = finished_ || spoilt() || exchange_ == Exchange::kOver;
  if (over || reading_ || caller_ == Caller::kClosed || in_bytes_ >= buffer_bytes_) return todo;
  reading_ = true;
  todo.read = true;
  return todo;
}

bool StreamMachine::Ignored() {
  reading_ = false;
  return finished_ || spoilt() || exchange_ == Exchange::kOver;
}

Todo StreamMachine::Spoil() {
  Todo todo;
  switch (exchange_) {
    case Exchange::kNone:
      exchange_ = Exchange::kOver;
      finished_ = true;
      todo.refuse = todo.finish = true;
      break;
    case Exchange::kRunning:
      todo.fail_body = todo.cancel = true;
      break;
    case Exchange::kOver:
      break;
  }
  return todo;
}

Todo StreamMachine::OutOfPlace(std::string_view field, std::string_view why) {
  return OnFault(BadRequest(field, why));
}

Todo StreamMachine::OnFault(Failure failure) {
  if (Ignored()) return {};
  failure_ = std::move(failure);
  return Spoil();
}

Todo StreamMachine::Begin(Start how, Todo todo) {
  exchange_ = Exchange::kRunning;
  todo.start = how;
  // What has come is the exchange's now.
  if (how == Start::kWhole) in_bytes_ = 0;
  return todo;
}

Todo StreamMachine::Take(std::uint64_t bytes, std::uint64_t weight) {
  received_ += bytes;
  in_bytes_ += weight;
  Todo todo;
  todo.push = bytes > 0;
  return todo;
}

Todo StreamMachine::OnOpen() { return Reading({}); }

Todo StreamMachine::OnHeadFrame(const StreamPlan& plan, std::uint64_t buffer_bytes) {
  if (Ignored()) return {};
  if (caller_ != Caller::kHead) return OutOfPlace("head", "comes once, as the first frame");
  if (plan.length.has_value() && plan.tunnel) {
    return OutOfPlace("content_length", "has no meaning for a tunnel");
  }
  if (plan.length.has_value() && plan.first_piece > *plan.length) {
    return OutOfPlace("content_length", "the body is longer");
  }
  plan_ = plan;
  buffer_bytes_ = std::max<std::uint64_t>(1, buffer_bytes);
  Todo todo = Take(plan.first_piece, plan.first_weight);
  // A piece that fills the buffer already leaves no room to see what follows it.
  const bool wait = !plan.length.has_value() && !plan.tunnel && !plan.expect_continue &&
                    plan.first_weight < buffer_bytes_;
  caller_ = wait ? Caller::kProbe : Caller::kBody;
  if (wait) {
    todo.probe = true;
  } else {
    todo = Begin(plan.length == 0 ? Start::kNoBody : Start::kStreamed, todo);
  }
  return Reading(todo);
}

Todo StreamMachine::OnDataFrame(std::uint64_t bytes, std::uint64_t weight) {
  if (Ignored()) return {};
  if (caller_ == Caller::kHead) return OutOfPlace("head", "must be the first frame");
  if (caller_ == Caller::kTrailed) return OutOfPlace("data", "may not follow trailers");
  if (plan_.length.has_value() && bytes > *plan_.length - received_) {
    return OutOfPlace("content_length", "the body is longer");
  }
  Todo todo = Take(bytes, weight);
  if (caller_ == Caller::kProbe) todo = Begin(Start::kStreamed, todo);
  caller_ = Caller::kBody;
  return Reading(todo);
}

Todo StreamMachine::OnTrailersFrame(std::optional<Failure> wrong) {
  if (Ignored()) return {};
  if (caller_ == Caller::kHead) return OutOfPlace("head", "must be the first frame");
  if (caller_ == Caller::kTrailed) return OutOfPlace("trailers", "come once");
  if (plan_.tunnel) return OutOfPlace("trailers", "have no place in a tunnel");
  if (plan_.length.has_value()) {
    return OutOfPlace("trailers", "need a body of unknown length");
  }
  if (wrong.has_value()) return OnFault(*std::move(wrong));
  Todo todo;
  if (caller_ == Caller::kProbe) todo = Begin(Start::kStreamed, todo);
  caller_ = Caller::kTrailed;
  return Reading(todo);
}

Todo StreamMachine::OnHalfClose() {
  if (Ignored()) return {};
  const Caller before = std::exchange(caller_, Caller::kClosed);
  if (before == Caller::kHead) return OutOfPlace("head", "is missing");
  if (plan_.length.has_value() && received_ < *plan_.length) {
    return OutOfPlace("content_length", "the body is shorter");
  }
  if (before == Caller::kProbe) return Begin(received_ > 0 ? Start::kWhole : Start::kNoBody, {});
  Todo todo;
  todo.end_body = true;
  return todo;
}

Todo StreamMachine::OnCallerGone() {
  if (gone_ || finished_) return {};
  gone_ = true;
  Todo todo;
  if (exchange_ == Exchange::kOver) {
    // Only frames that nobody will read were left to write.
    finished_ = !writing_;
    todo.finish = finished_;
    todo.cut_off = true;
  } else if (!failure_.has_value()) {
    todo = Spoil();
  }
  todo.drop = true;
  out_bytes_ = 0;
  return todo;
}

Todo StreamMachine::OnProbeOver() {
  if (caller_ != Caller::kProbe || spoilt()) return {};
  caller_ = Caller::kBody;
  return Begin(Start::kStreamed, {});
}

Todo StreamMachine::OnWriteDone(bool ok, std::uint64_t bytes, bool queue_empty) {
  writing_ = false;
  out_bytes_ -= std::min(bytes, out_bytes_);
  if (!ok && !gone_) return OnCallerGone();
  Todo todo;
  if (!queue_empty && !gone_) {
    todo.write = writing_ = true;
  } else if (exchange_ == Exchange::kOver && !finished_) {
    todo.finish = finished_ = true;
  }
  if (paused_ && out_bytes_ <= buffer_bytes_ / 2) {
    paused_ = false;
    todo.resume = wants_response();
  }
  return todo;
}

bool StreamMachine::OnLastWrite() {
  if (!writing_ || exchange_ != Exchange::kOver || gone_ || finished_) return false;
  finished_ = true;
  return true;
}

Todo StreamMachine::OnPulled(std::uint64_t weight) {
  in_bytes_ -= std::min(weight, in_bytes_);
  return Reading({});
}

Todo StreamMachine::OnFrameQueued(std::uint64_t bytes) {
  out_bytes_ += bytes;
  Todo todo;
  if (!writing_) todo.write = writing_ = true;
  todo.pause = out_bytes_ > buffer_bytes_;
  paused_ = paused_ || todo.pause;
  return todo;
}

Todo StreamMachine::OnExchangeOver(bool queue_empty) {
  exchange_ = Exchange::kOver;
  in_bytes_ = 0;
  Todo todo;
  todo.cut_off = gone_;
  if (!writing_ && (queue_empty || gone_) && !finished_) todo.finish = finished_ = true;
  return todo;
}

}  // namespace spillway
