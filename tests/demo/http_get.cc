#include "tests/demo/http_get.h"

#include <chrono>
#include <optional>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace spillway::demo {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::chrono::seconds kPatience(5);
constexpr std::uint64_t kMaxBytes = 64ULL * 1024 * 1024;

// Runs the three steps one after the other; the stream's timeout bounds them together.
template <typename Protocol>
HttpAnswer Get(const typename Protocol::endpoint& endpoint, const std::string& path) {
  asio::io_context io;
  beast::basic_stream<Protocol> stream(io);
  http::request<http::empty_body> request(http::verb::get, path, 11);
  request.set(http::field::host, "localhost");
  request.set(http::field::connection, "close");
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> response;
  response.body_limit(kMaxBytes);
  bool complete = false;
  stream.expires_after(kPatience);
  stream.async_connect(endpoint, [&](beast::error_code connect_error) {
    if (connect_error) return;
    http::async_write(stream, request, [&](beast::error_code write_error, std::size_t) {
      if (write_error) return;
      http::async_read(stream, buffer, response,
                       [&](beast::error_code read_error, std::size_t) { complete = !read_error; });
    });
  });
  io.run();
  if (!complete) return {};
  return {response.get().result_int(), std::move(response.get().body())};
}

}  // namespace

HttpAnswer HttpGet(const std::string& address, const std::string& path) {
  constexpr std::string_view kUnix = "unix:";
  if (address.starts_with(kUnix)) {
    return Get<asio::local::stream_protocol>(
        asio::local::stream_protocol::endpoint(address.substr(kUnix.size())), path);
  }
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {};
  std::string host = address.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  boost::system::error_code bad_host;
  const asio::ip::address ip = asio::ip::make_address(host, bad_host);
  const int port = std::atoi(address.c_str() + colon + 1);
  if (bad_host || port <= 0 || port > 65535) return {};
  return Get<asio::ip::tcp>({ip, static_cast<asio::ip::port_type>(port)}, path);
}

}  // namespace spillway::demo
