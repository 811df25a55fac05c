// What a call spends on its two messages: raw buffers with our codec, or gRPC's parsed messages.
//
// Each iteration does what the server does for one call: from the ByteBuffer of a HttpRequest to
// its values, and from a response's values to a ByteBuffer. Parsed means generated code over
// gRPC's own zero-copy streams, as its generated service would, with values then moved out of the
// message. The argument is the size of both bodies.

#include <benchmark/benchmark.h>
#include <grpcpp/grpcpp.h>

#include <string>
#include <utility>
#include <vector>

#include "server/wire_decode.h"
#include "server/wire_encode.h"
#include "spillway/v1/egress.grpc.pb.h"

namespace spillway {
namespace {

// gRPC reads a message off the socket in pieces of about this size.
constexpr std::size_t kSliceBytes = 8192;

HeaderList Headers() {
  return {{"Host", "origin.example"},
          {"User-Agent", "bench/1.0"},
          {"Accept", "application/json"},
          {"Authorization", "Bearer 0123456789abcdef0123456789abcdef"},
          {"Content-Type", "application/json"},
          {"X-Request-Id", "2f6c1d5e-3c4b-4a59-8d7e-0f1a2b3c4d5e"}};
}

template <typename Message>
void SetHeaders(Message& message) {
  for (const HeaderField& field : Headers()) {
    v1::Header& header = *message.add_headers();
    header.set_name(field.name);
    header.set_value(field.value);
  }
}

grpc::ByteBuffer RequestBuffer(std::size_t body_size) {
  v1::HttpRequest request;
  request.set_method("POST");
  request.set_url("http://origin.example:8080/v1/things?limit=10");
  SetHeaders(request);
  request.set_body(std::string(body_size, 'b'));
  request.mutable_options()->mutable_timeout()->set_seconds(3);
  const std::string bytes = request.SerializeAsString();
  std::vector<grpc::Slice> slices;
  for (std::size_t at = 0; at < bytes.size(); at += kSliceBytes) {
    const std::string piece = bytes.substr(at, kSliceBytes);
    slices.emplace_back(piece);
  }
  return {slices.data(), slices.size()};
}

RoundTripRecord Record() {
  RoundTripRecord record;
  record.attempts = 1;
  record.reused = true;
  record.timings.write = std::chrono::microseconds(20);
  record.timings.first_byte = std::chrono::microseconds(300);
  record.timings.total = std::chrono::microseconds(400);
  record.bytes_sent = 400;
  record.bytes_received = 300;
  const auto info = std::make_shared<ConnectionInfo>();
  info->id = 7;
  info->local_address = "127.0.0.1:40000";
  info->remote_address = "127.0.0.1:8080";
  record.connection = info;
  return record;
}

// A response body as it lies in receive buffers.
Body ResponseBody(std::size_t size) {
  Body body;
  for (std::size_t at = 0; at < size; at += 16 * 1024) {
    body.Append(Chunk::Own(std::string(std::min<std::size_t>(16 * 1024, size - at), 'r')));
  }
  return body;
}

void RawDecode(benchmark::State& state) {
  const grpc::ByteBuffer buffer = RequestBuffer(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    WireRequest request;
    benchmark::DoNotOptimize(DecodeHttpRequest(buffer, request));
  }
}

void ParsedDecode(benchmark::State& state) {
  const grpc::ByteBuffer buffer = RequestBuffer(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    grpc::ByteBuffer copy = buffer;  // Deserialize consumes it
    v1::HttpRequest message;
    benchmark::DoNotOptimize(
        grpc::SerializationTraits<v1::HttpRequest>::Deserialize(&copy, &message).ok());
    HeaderList headers;
    for (v1::Header& header : *message.mutable_headers()) {
      headers.Add({std::move(*header.mutable_name()), std::move(*header.mutable_value())});
    }
    const Body body = Body::Of(std::move(*message.mutable_body()));
    benchmark::DoNotOptimize(headers.size() + body.size());
  }
}

void RawEncode(benchmark::State& state) {
  ResponseHead head;
  head.status = 200;
  head.reason = "OK";
  head.headers = Headers();
  const RoundTripRecord record = Record();
  const Body body = ResponseBody(static_cast<std::size_t>(state.range(0)));
  const HeaderList trailers;
  const std::vector<ResponseHead> informational;
  WireResponse wire;
  wire.head = &head;
  wire.body = &body;
  wire.trailers = &trailers;
  wire.protocol = "HTTP/1.1";
  wire.record = &record;
  wire.informational = &informational;
  for (auto _ : state) {
    grpc::ByteBuffer buffer;
    EncodeHttpResponse(wire, buffer);
    benchmark::DoNotOptimize(buffer.Length());
  }
}

void SetTiming(Duration length, google::protobuf::Duration& out) {
  out.set_nanos(static_cast<std::int32_t>(length.count()));
}

void ParsedEncode(benchmark::State& state) {
  const RoundTripRecord record = Record();
  const Body body = ResponseBody(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    v1::HttpResponse message;
    message.set_status(200);
    message.set_reason("OK");
    message.set_protocol("HTTP/1.1");
    SetHeaders(message);
    std::string& bytes = *message.mutable_body();
    bytes.reserve(body.size());
    for (const Chunk& chunk : body.chunks()) bytes.append(chunk.bytes);
    v1::Exchange& exchange = *message.mutable_exchange();
    exchange.set_attempts(record.attempts);
    exchange.set_connection_id(record.connection->id);
    exchange.set_reused(record.reused);
    v1::Timings& timings = *exchange.mutable_timings();
    SetTiming(record.timings.write, *timings.mutable_write());
    SetTiming(record.timings.first_byte, *timings.mutable_first_byte());
    SetTiming(record.timings.total, *timings.mutable_total());
    exchange.set_local_address(record.connection->local_address);
    exchange.set_remote_address(record.connection->remote_address);
    exchange.set_bytes_sent(record.bytes_sent);
    exchange.set_bytes_received(record.bytes_received);
    grpc::ByteBuffer buffer;
    bool own = false;
    benchmark::DoNotOptimize(
        grpc::SerializationTraits<v1::HttpResponse>::Serialize(message, &buffer, &own).ok());
    benchmark::DoNotOptimize(buffer.Length());
  }
}

BENCHMARK(RawDecode)->Arg(12)->Arg(4096)->Arg(1 << 20);
BENCHMARK(ParsedDecode)->Arg(12)->Arg(4096)->Arg(1 << 20);
BENCHMARK(RawEncode)->Arg(12)->Arg(4096)->Arg(1 << 20);
BENCHMARK(ParsedEncode)->Arg(12)->Arg(4096)->Arg(1 << 20);

}  // namespace
}  // namespace spillway

BENCHMARK_MAIN();
