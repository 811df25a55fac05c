#include "transport/io/tls_wire.h"

#include <openssl/bio.h>
#include <sys/uio.h>

#include <algorithm>
#include <span>

namespace spillway {
namespace {

using Status = ByteStream::Status;

TlsWire& WireOf(BIO* bio) { return *static_cast<TlsWire*>(BIO_get_data(bio)); }

// Tells OpenSSL that asking again later may help. Which readiness to wait for is in `status`.
void MarkRetry(BIO* bio, Status status) {
  if (status == Status::kWantRead) BIO_set_retry_read(bio);
  if (status == Status::kWantWrite) BIO_set_retry_write(bio);
}

int Read(BIO* bio, char* into, std::size_t size, std::size_t* got) {
  TlsWire& wire = WireOf(bio);
  BIO_clear_retry_flags(bio);
  *got = 0;
  wire.flooded |= wire.fruitless > wire.fruitless_limit;
  if (wire.refused || wire.flooded) return 0;
  const ByteStream::Io io = wire.below->Read({into, size});
  wire.status = io.status;
  if (io.status != Status::kOk) {
    MarkRetry(bio, io.status);
    return 0;
  }
  for (std::size_t i = 0; i < io.bytes && wire.received + i < wire.first.size(); ++i) {
    wire.first[wire.received + i] = into[i];
  }
  wire.received += io.bytes;
  wire.fruitless += io.bytes;
  *got = io.bytes;
  return 1;
}

int Write(BIO* bio, const char* bytes, std::size_t size, std::size_t* written) {
  TlsWire& wire = WireOf(bio);
  BIO_clear_retry_flags(bio);
  *written = 0;
  // The stream below does not write through the pointer.
  const iovec part{const_cast<char*>(bytes), size};
  const ByteStream::Io io = wire.below->Write(std::span(&part, 1));
  wire.status = io.status;
  if (io.status != Status::kOk) {
    MarkRetry(bio, io.status);
    return 0;
  }
  *written = io.bytes;
  return 1;
}

long Control(BIO*, int command, long, void*) {
  // No BIO_CTRL_EOF: an end is judged by the stream, not made a fatal error of OpenSSL's.
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* MakeMethod() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream below");
  if (method == nullptr) return nullptr;
  BIO_meth_set_read_ex(method, Read);
  BIO_meth_set_write_ex(method, Write);
  BIO_meth_set_ctrl(method, Control);
  return method;
}

}  // namespace

BIO* NewTlsBio(TlsWire* wire) {
  static BIO_METHOD* const method = MakeMethod();
  BIO* bio = method == nullptr ? nullptr : BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, wire);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace spillway
