#include "server/wire_reader.h"

#include <grpcpp/support/byte_buffer.h>

#include <algorithm>
#include <cstring>

namespace spillway {

// The vector never changes after construction, so bytes that gRPC keeps inside a slice object
// (short ones) stay where they are as well.
class WireReader::Slices {
 public:
  explicit Slices(const grpc::ByteBuffer& message) {
    // A message that never had a payload has no buffer to dump.
    if (message.Valid()) static_cast<void>(message.Dump(&list_));
  }
  std::size_t count() const { return list_.size(); }
  std::string_view operator[](std::size_t i) const {
    return {reinterpret_cast<const char*>(list_[i].begin()), list_[i].size()};
  }

 private:
  std::vector<grpc::Slice> list_;
};

WireReader::WireReader(const grpc::ByteBuffer& message)
    : slices_(std::make_shared<const Slices>(message)) {
  for (std::size_t i = 0; i < slices_->count(); ++i) size_ += (*slices_)[i].size();
  limit_ = size_;
  if (slices_->count() > 0) {
    at_ = (*slices_)[0].data();
    slice_end_ = at_ + (*slices_)[0].size();
  }
}

WireReader::~WireReader() = default;

bool WireReader::Fail() {
  failed_ = true;
  limit_ = position_;
  return false;
}

std::string_view WireReader::Ahead() {
  while (at_ == slice_end_ && slice_ + 1 < slices_->count()) {
    const std::string_view next = (*slices_)[++slice_];
    at_ = next.data();
    slice_end_ = at_ + next.size();
  }
  const auto in_slice = static_cast<std::uint64_t>(slice_end_ - at_);
  return {at_, static_cast<std::size_t>(std::min(in_slice, limit_ - position_))};
}

bool WireReader::ReadByte(std::uint8_t& byte) {
  const std::string_view ahead = Ahead();
  if (failed_ || ahead.empty()) return Fail();
  byte = static_cast<std::uint8_t>(ahead.front());
  ++at_;
  ++position_;
  return true;
}

bool WireReader::ReadVarint(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    std::uint8_t byte = 0;
    if (!ReadByte(byte)) return false;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return Fail();
}

bool WireReader::ReadTagVarint(std::uint32_t& tag) {
  tag = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    std::uint8_t byte = 0;
    if (!ReadByte(byte)) return false;
    tag |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return Fail();
}

bool WireReader::ReadTag(std::uint32_t& field, WireType& type) {
  std::uint32_t tag = 0;
  if (!ReadTagVarint(tag)) return false;
  field = tag >> 3;
  const std::uint32_t wire_type = tag & 7;
  if (field == 0 || wire_type > 5) return Fail();
  type = static_cast<WireType>(wire_type);
  return true;
}

bool WireReader::ReadLength(std::uint64_t& length) {
  length = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    std::uint8_t byte = 0;
    if (!ReadByte(byte)) return false;
    if (shift == 28 && byte >= 8) return Fail();
    length |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return length <= limit_ - position_ || Fail();
  }
  return Fail();
}

bool WireReader::Advance(std::uint64_t count) {
  if (failed_ || count > limit_ - position_) return Fail();
  while (count > 0) {
    const std::uint64_t step = std::min<std::uint64_t>(count, Ahead().size());
    at_ += step;
    position_ += step;
    count -= step;
  }
  return true;
}

bool WireReader::ReadString(std::string& out) {
  std::uint64_t length = 0;
  if (!ReadLength(length)) return false;
  out.clear();
  while (length > 0) {
    const std::string_view piece = Ahead().substr(0, static_cast<std::size_t>(length));
    out.append(piece);
    at_ += piece.size();
    position_ += piece.size();
    length -= piece.size();
  }
  return true;
}

bool WireReader::ReadUtf8(std::string& out) {
  if (!ReadString(out)) return false;
  return IsUtf8(out) || Fail();
}

bool WireReader::ReadBody(Body& out) {
  std::uint64_t length = 0;
  if (!ReadLength(length)) return false;
  out = Body();
  while (length > 0) {
    const std::string_view piece = Ahead().substr(0, static_cast<std::size_t>(length));
    out.Append(Chunk{piece, slices_});
    at_ += piece.size();
    position_ += piece.size();
    length -= piece.size();
  }
  return true;
}

bool WireReader::Enter(std::uint64_t& outer_limit) {
  std::uint64_t length = 0;
  if (!ReadLength(length)) return false;
  if (--depth_ < 0) return Fail();
  outer_limit = limit_;
  limit_ = position_ + length;
  return true;
}

bool WireReader::Leave(std::uint64_t outer_limit) {
  if (failed_ || position_ != limit_) return Fail();
  ++depth_;
  limit_ = outer_limit;
  return true;
}

bool WireReader::SkipGroup(std::uint32_t field) {
  // Groups may nest as deep as the caller likes to send them, so no recursion: `open` holds the
  // field numbers, at most kMaxDepth of them.
  std::vector<std::uint32_t> open = {field};
  if (--depth_ < 0) return Fail();
  while (!open.empty()) {
    std::uint32_t inner = 0;
    WireType type = WireType::kVarint;
    if (!ReadTag(inner, type)) return false;
    if (type == WireType::kStartGroup) {
      if (--depth_ < 0) return Fail();
      open.push_back(inner);
    } else if (type == WireType::kEndGroup) {
      if (inner != open.back()) return Fail();
      open.pop_back();
      ++depth_;
    } else if (!Skip(inner, type)) {
      return false;
    }
  }
  return true;
}

bool WireReader::Skip(std::uint32_t field, WireType type) {
  std::uint64_t value = 0;
  switch (type) {
    case WireType::kVarint:
      return ReadVarint(value);
    case WireType::kFixed64:
      return Advance(8);
    case WireType::kBytes:
      return ReadLength(value) && Advance(value);
    case WireType::kStartGroup:
      return SkipGroup(field);
    case WireType::kFixed32:
      return Advance(4);
    case WireType::kEndGroup:
      break;  // one that nothing opened
  }
  return Fail();
}

namespace {

// How many continuation bytes follow `lead`, and the bounds of the first of them; -1: not a lead.
int Continuation(std::uint8_t lead, std::uint8_t& low, std::uint8_t& high) {
  low = 0x80;
  high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) return 1;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (lead == 0xe0) low = 0xa0;   // overlong below
    if (lead == 0xed) high = 0x9f;  // surrogates above
    return 2;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;  // above U+10FFFF
    return 3;
  }
  return -1;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, text.data() + i, 8);
      if ((eight & 0x8080808080808080U) == 0) {
        i += 8;
        continue;
      }
    }
    const auto lead = static_cast<std::uint8_t>(text[i++]);
    if (lead < 0x80) continue;
    std::uint8_t low = 0;
    std::uint8_t high = 0;
    const int more = Continuation(lead, low, high);
    if (more < 0) return false;
    for (int k = 0; k < more; ++k, low = 0x80, high = 0xbf) {
      if (i == text.size()) return false;
      const auto byte = static_cast<std::uint8_t>(text[i++]);
      if (byte < low || byte > high) return false;
    }
  }
  return true;
}

}  // namespace spillway
