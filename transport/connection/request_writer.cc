#include "transport/connection/request_writer.h"

#include <sys/uio.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <utility>

#include "transport/base/field_rules.h"

namespace spillway {
namespace {

constexpr std::size_t kMaxGather = 64;
// No more is taken of a streamed body before this much is written.
constexpr std::size_t kGatherBytes = std::size_t{64} * 1024;

// How many trailers there may be was policy's to say, where they came in. Here they are looked at
// for what would break the message.
constexpr RequestFieldLimits kOfAnySize = {
    .max_fields = std::numeric_limits<std::size_t>::max(),
    .max_bytes = std::numeric_limits<std::size_t>::max(),
};

std::string ChunkLine(std::size_t size) {
  std::array<char, 24> line{};
  const int length = std::snprintf(line.data(), line.size(), "%zx\r\n", size);
  return std::string(line.data(), static_cast<std::size_t>(length));
}

Chunk LastChunk(const HeaderList* trailers) {
  if (trailers == nullptr || trailers->empty()) return Chunk{"0\r\n\r\n", nullptr};
  std::string end = "0\r\n";
  for (const HeaderField& field : *trailers) {
    end.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return Chunk::Own(end.append("\r\n"));
}

}  // namespace

RequestWriter::RequestWriter(std::string head, std::shared_ptr<BodySource> body, BodyCoding coding,
                             BodyStart start)
    : head_(std::move(head)),
      body_(std::move(body)),
      coding_(coding),
      held_back_(start == BodyStart::kHeld) {
  // The head is owned by this object, which outlives the queue.
  queue_.push_back(Chunk{head_, nullptr});
  source_ended_ = body_ == nullptr;
  const bool plain = body_ != nullptr && coding_ == BodyCoding::kPlain;
  if (plain && body_->buffered() != nullptr && !held_back_) {
    for (const Chunk& chunk : body_->buffered()->chunks()) queue_.push_back(chunk);
    source_ended_ = true;
  } else if (plain) {
    body_left_ = body_->length().value_or(0);
  }
}

WriteStatus RequestWriter::Write(ByteStream& stream, const std::function<void()>& ready) {
  WriteStatus status = WriteStatus::kDone;
  while (true) {
    if (!Flush(stream, status)) return status;
    if (source_ended_) break;
    if (held_back_) return WriteStatus::kHeld;
    const WriteStatus source = Gather(ready);
    if (source == WriteStatus::kDone) continue;
    const bool flushed = Flush(stream, status);
    // A source that failed has the last word (F7); one that waits is asked again.
    return flushed || source == WriteStatus::kSourceError ? source : status;
  }
  done_ = true;
  return WriteStatus::kDone;
}

// Takes what the source has, so that pieces which are there together leave together.
WriteStatus RequestWriter::Gather(const std::function<void()>& ready) {
  std::size_t bytes = 0;
  while (!source_ended_ && bytes < kGatherBytes && queue_.size() < kMaxGather) {
    Chunk chunk;
    WriteStatus status = WriteStatus::kDone;
    switch (body_->Read(chunk, ready)) {
      case BodySource::Status::kData:
        bytes += chunk.bytes.size();
        status = TakePiece(std::move(chunk));
        break;
      case BodySource::Status::kEnd:
        status = EndOfBody();
        break;
      case BodySource::Status::kPending:
        status = WriteStatus::kPending;
        break;
      case BodySource::Status::kError:
        source_failure_ = body_->failure();
        status = WriteStatus::kSourceError;
        break;
    }
    if (status != WriteStatus::kDone) return status;
  }
  return WriteStatus::kDone;
}

WriteStatus RequestWriter::TakePiece(Chunk chunk) {
  if (chunk.bytes.empty()) return WriteStatus::kDone;
  if (coding_ == BodyCoding::kRaw) {
    Queue(std::move(chunk));
    return WriteStatus::kDone;
  }
  if (coding_ == BodyCoding::kChunked) {
    Queue(Chunk::Own(ChunkLine(chunk.bytes.size())));
    Queue(std::move(chunk));
    Queue(Chunk{"\r\n", nullptr});
    return WriteStatus::kDone;
  }
  if (chunk.bytes.size() > body_left_) {
    source_failure_ = BadRequest("body", "longer than its declared length");
    return WriteStatus::kSourceError;
  }
  body_left_ -= chunk.bytes.size();
  if (body_left_ == 0) {
    held_ = std::move(chunk);
  } else {
    Queue(std::move(chunk));
  }
  return WriteStatus::kDone;
}

WriteStatus RequestWriter::EndOfBody() {
  if (coding_ == BodyCoding::kPlain && body_left_ > 0) {
    source_failure_ = BadRequest("body", "shorter than its declared length");
    return WriteStatus::kSourceError;
  }
  const HeaderList* trailers = coding_ == BodyCoding::kChunked ? body_->trailers() : nullptr;
  if (trailers != nullptr) {
    if (std::optional<Failure> refused = CheckTrailers(*trailers, kOfAnySize)) {
      source_failure_ = *std::move(refused);
      return WriteStatus::kSourceError;
    }
  }
  source_ended_ = true;
  if (coding_ == BodyCoding::kChunked) Queue(LastChunk(trailers));
  if (!held_.bytes.empty()) Queue(std::exchange(held_, {}));
  return WriteStatus::kDone;
}

void RequestWriter::Queue(Chunk chunk) { queue_.push_back(std::move(chunk)); }

bool RequestWriter::Flush(ByteStream& stream, WriteStatus& status) {
  while (queue_front_ < queue_.size()) {
    std::array<iovec, kMaxGather> parts;
    std::size_t count = 0;
    std::size_t offset = front_offset_;
    for (std::size_t i = queue_front_; i < queue_.size() && count < kMaxGather; ++i) {
      const std::string_view bytes = queue_[i].bytes.substr(offset);
      offset = 0;
      // Writing does not go through the pointer.
      parts[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
    }
    const ByteStream::Io io = stream.Write({parts.data(), count});
    if (io.status != ByteStream::Status::kOk) {
      status = io.status == ByteStream::Status::kWantWrite  ? WriteStatus::kBlocked
               : io.status == ByteStream::Status::kWantRead ? WriteStatus::kBlockedRead
                                                            : WriteStatus::kStreamError;
      return false;
    }
    sent_ += io.bytes;
    Consume(io.bytes);
  }
  queue_.clear();
  queue_front_ = 0;
  return true;
}

void RequestWriter::Consume(std::size_t bytes) {
  while (bytes > 0) {
    const std::size_t left = queue_[queue_front_].bytes.size() - front_offset_;
    if (bytes < left) {
      front_offset_ += bytes;
      return;
    }
    bytes -= left;
    queue_[queue_front_] = Chunk{};
    ++queue_front_;
    front_offset_ = 0;
  }
}

void RequestWriter::DropBody() {
  held_back_ = false;
  source_ended_ = true;
  body_ = nullptr;
  done_ = queue_front_ == queue_.size();
}

void RequestWriter::Release() {
  head_ = std::string();
  body_ = nullptr;
}

}  // namespace spillway
