#include "tests/fuzz/beast_reader.h"

#include <cstdint>
#include <limits>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/optional.hpp>

namespace spillway {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

std::string Text(beast::string_view text) { return {text.data(), text.size()}; }

template <bool kRequest>
class Recorder : public http::basic_parser<kRequest> {
 public:
  BeastMessage message;

 private:
  void on_request_impl(http::verb, beast::string_view method, beast::string_view target,
                       int version, error_code& ec) override {
    message.method = Text(method);
    message.target = Text(target);
    message.version = version;
    ec = {};
  }
  void on_response_impl(int code, beast::string_view reason, int version, error_code& ec) override {
    message.status = code;
    message.reason = Text(reason);
    message.version = version;
    ec = {};
  }
  void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                     error_code& ec) override {
    HeaderList& list = head_done_ ? message.trailers : message.headers;
    list.Add(Text(name), Text(value));
    ec = {};
  }
  void on_header_impl(error_code& ec) override {
    head_done_ = true;
    ec = {};
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code& ec) override {
    ec = {};
  }
  std::size_t on_body_impl(beast::string_view body, error_code& ec) override {
    message.body += Text(body);
    ec = {};
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code& ec) override { ec = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code& ec) override {
    message.body += Text(body);
    ec = {};
    return body.size();
  }
  void on_finish_impl(error_code& ec) override { ec = {}; }

  bool head_done_ = false;
};

// False when Beast refuses the bytes.
template <bool kRequest>
bool Read(Recorder<kRequest>& reader, std::string_view bytes) {
  reader.eager(true);
  reader.header_limit(std::numeric_limits<std::uint32_t>::max());
  reader.body_limit(boost::none);
  std::size_t used = 0;
  while (!reader.is_done() && used < bytes.size()) {
    error_code ec;
    const std::size_t n =
        reader.put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), ec);
    used += n;
    if (ec == http::error::need_more) break;
    if (ec) return false;
    if (n == 0) break;
  }
  reader.message.consumed = used;
  return true;
}

}  // namespace

std::optional<BeastMessage> ReadBeastResponse(std::string_view bytes, bool head_request) {
  Recorder<false> reader;
  reader.skip(head_request);
  if (!Read(reader, bytes)) return std::nullopt;
  if (!reader.is_done() && reader.got_some()) {
    error_code ec;
    reader.put_eof(ec);
    if (ec && ec != http::error::partial_message) return std::nullopt;
    reader.message.complete = !ec;
  } else {
    reader.message.complete = reader.is_done();
  }
  return reader.message;
}

std::optional<BeastMessage> ReadBeastRequest(std::string_view bytes) {
  Recorder<true> reader;
  if (!Read(reader, bytes)) return std::nullopt;
  reader.message.complete = reader.is_done();
  return reader.message;
}

}  // namespace spillway
