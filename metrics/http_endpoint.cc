#include "metrics/http_endpoint.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/http.hpp>

#include "metrics/metrics.h"

namespace spillway {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

using Protocol = asio::generic::stream_protocol;
using Socket = Protocol::socket;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using Error = boost::system::error_code;
using Body = std::shared_ptr<const std::string>;

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

// Answers are small or shared by many: a body of ours that points to the shared text.
struct SharedTextBody {
  using value_type = Body;
  static std::uint64_t size(const value_type& body) { return body->size(); }
  class writer {
   public:
    using const_buffers_type = asio::const_buffer;
    template <bool IsRequest, typename Fields>
    writer(const http::header<IsRequest, Fields>&, const value_type& body) : body_(body) {}
    void init(Error& error) { error = {}; }
    boost::optional<std::pair<const_buffers_type, bool>> get(Error& error) {
      error = {};
      return {{const_buffers_type(body_->data(), body_->size()), false}};
    }

   private:
    const value_type& body_;
  };
};

using Request = http::request_parser<http::empty_body>;
using Response = http::response<SharedTextBody>;

}  // namespace

class HttpEndpoint::Impl {
 public:
  explicit Impl(Handlers handlers) : handlers_(std::move(handlers)) {}
  ~Impl() { Stop(); }

  Error Start(int fd, int family);

 private:
  class Session;
  friend class Session;

  void Accept();
  void OnAccepted(Error error, Socket socket);
  // Answers `session` with the metrics, together with all who ask before the rendering begins.
  void AskMetrics(std::shared_ptr<Session> session);
  void AnswerMetrics();
  void OnSessionEnded();
  void Stop();

  const Handlers handlers_;
  // Before io_: sessions that io_ still holds when it goes come back here.
  std::size_t connections_ = 0;
  bool accepting_ = false;
  bool stopped_ = false;
  asio::io_context io_{1};
  Acceptor acceptor_{io_};
  asio::steady_timer pause_{io_};
  std::vector<std::shared_ptr<Session>> askers_;
  std::thread thread_;  // runs io_; everything above is its own once it runs
};

// One connection: requests one after another.
class HttpEndpoint::Impl::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Impl& endpoint, Socket socket) : endpoint_(endpoint), stream_(std::move(socket)) {}
  ~Session() { endpoint_.OnSessionEnded(); }

  void Read();
  void AnswerMetrics(Body text) {
    Answer(http::status::ok, Metrics::kContentType, std::move(text));
  }

 private:
  void OnRead(Error error);
  void Dispatch();
  void Answer(http::status status, std::string_view type, Body body);
  void Say(http::status status, std::string_view line) {
    Answer(status, kPlainText, std::make_shared<const std::string>(std::string(line) + "\n"));
  }
  void OnWritten(Error error);

  Impl& endpoint_;
  beast::basic_stream<Protocol> stream_;
  beast::flat_static_buffer<kMaxHeadBytes> buffer_;
  std::optional<Request> request_;
  std::optional<Response> response_;
  bool fresh_ = true;
};

void HttpEndpoint::Impl::Session::Read() {
  request_.emplace();
  request_->header_limit(kMaxHeadBytes);
  request_->body_limit(0);
  // A new connection is given the time of a request; one that has been useful may idle.
  stream_.expires_after(fresh_ ? kIoTimeout : kIdleTimeout);
  fresh_ = false;
  http::async_read(stream_, buffer_, *request_,
                   [self = shared_from_this()](Error error, std::size_t) { self->OnRead(error); });
}

void HttpEndpoint::Impl::Session::OnRead(Error error) {
  if (!error) return Dispatch();
  // Only what is a mistake in the request gets an answer; then the connection ends.
  if (error.category() != http::make_error_code(http::error::end_of_stream).category()) return;
  if (error == http::error::end_of_stream || error == http::error::partial_message) return;
  request_.emplace();
  request_->get().keep_alive(false);
  Say(http::status::bad_request, "bad request");
}

void HttpEndpoint::Impl::Session::Dispatch() {
  const auto& request = request_->get();
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    return Say(http::status::method_not_allowed, "only GET and HEAD");
  }
  const std::string_view target(request.target().data(), request.target().size());
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/metrics") return endpoint_.AskMetrics(shared_from_this());
  if (path == "/healthz") return Say(http::status::ok, "ok");
  if (path == "/readyz") {
    const bool ready = endpoint_.handlers_.ready();
    return Say(ready ? http::status::ok : http::status::service_unavailable,
               ready ? "ready" : "draining");
  }
  Say(http::status::not_found, "not found");
}

void HttpEndpoint::Impl::Session::Answer(http::status status, std::string_view type, Body body) {
  const auto& request = request_->get();
  response_.emplace(status, request.version());
  response_->set(http::field::content_type, boost::core::string_view(type.data(), type.size()));
  response_->set(http::field::cache_control, "no-store");
  if (status == http::status::method_not_allowed) response_->set(http::field::allow, "GET, HEAD");
  // When it gets crowded, nobody keeps a place.
  response_->keep_alive(request.keep_alive() && endpoint_.connections_ <= kMaxConnections / 2);
  response_->body() = std::move(body);
  response_->prepare_payload();
  stream_.expires_after(kIoTimeout);
  const auto done = [self = shared_from_this()](Error error, std::size_t) {
    self->OnWritten(error);
  };
  if (request.method() == http::verb::head) {
    // The length stays that of the body that a GET would get.
    auto serializer = std::make_shared<http::response_serializer<SharedTextBody>>(*response_);
    http::async_write_header(stream_, *serializer,
                             [serializer, done](Error error, std::size_t n) { done(error, n); });
    return;
  }
  http::async_write(stream_, std::as_const(*response_), done);
}

void HttpEndpoint::Impl::Session::OnWritten(Error error) {
  const bool again = !error && response_->keep_alive();
  response_.reset();
  if (again) return Read();
  Error ignored;
  stream_.socket().shutdown(Socket::shutdown_both, ignored);
}

boost::system::error_code HttpEndpoint::Impl::Start(int fd, int family) {
  Error error;
  acceptor_.assign(Protocol(family, 0), fd, error);
  if (error) {
    ::close(fd);
    return error;
  }
  acceptor_.non_blocking(true, error);
  if (error) return error;
  Accept();
  thread_ = std::thread([this] { io_.run(); });
  return {};
}

void HttpEndpoint::Impl::Accept() {
  accepting_ = true;
  acceptor_.async_accept([this](Error error, Socket socket) {
    accepting_ = false;
    OnAccepted(error, std::move(socket));
  });
}

void HttpEndpoint::Impl::OnAccepted(Error error, Socket socket) {
  if (error == asio::error::operation_aborted) return;
  if (!error) {
    ++connections_;
    std::make_shared<Session>(*this, std::move(socket))->Read();
    // At the cap, the end of a session accepts the next.
    if (connections_ < kMaxConnections && !accepting_) Accept();
    return;
  }
  // No descriptors or memory, or a peer that went away: try again a little later, for ever.
  pause_.expires_after(kAcceptPause);
  pause_.async_wait([this](Error wait_error) {
    if (!wait_error && !accepting_) Accept();
  });
}

void HttpEndpoint::Impl::OnSessionEnded() {
  --connections_;
  if (!stopped_ && !accepting_ && connections_ < kMaxConnections) Accept();
}

void HttpEndpoint::Impl::AskMetrics(std::shared_ptr<Session> session) {
  askers_.push_back(std::move(session));
  // Behind what is ready already, so that requests that arrived together are answered together.
  if (askers_.size() == 1) asio::post(io_, [this] { AnswerMetrics(); });
}

void HttpEndpoint::Impl::AnswerMetrics() {
  const Body text = handlers_.metrics();
  for (auto& session : std::exchange(askers_, {})) session->AnswerMetrics(text);
}

void HttpEndpoint::Impl::Stop() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
  stopped_ = true;
}

HttpEndpoint::HttpEndpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpEndpoint::~HttpEndpoint() = default;

std::unique_ptr<HttpEndpoint> HttpEndpoint::Start(int listening_fd, Handlers handlers,
                                                  std::string& error) {
  int family = 0;
  socklen_t size = sizeof family;
  const bool is_socket = ::getsockopt(listening_fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0;
  const int copy = is_socket ? ::fcntl(listening_fd, F_DUPFD_CLOEXEC, 0) : -1;
  if (copy < 0) {
    error = std::string("cannot copy the listening socket: ") + std::strerror(errno);
    return nullptr;
  }
  auto impl = std::make_unique<Impl>(std::move(handlers));
  if (const Error failed = impl->Start(copy, family)) {
    error = "cannot serve the listening socket: " + failed.message();
    return nullptr;
  }
  return std::unique_ptr<HttpEndpoint>(new HttpEndpoint(std::move(impl)));
}

}  // namespace spillway
