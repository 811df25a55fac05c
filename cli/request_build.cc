// From options to the message: method, headers, data.

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "cli/request_command.h"
#include "cli/text.h"

namespace spillway::cli {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

// Reads `path`, or standard input for "-". Returns what is wrong, "" when nothing is.
std::string ReadData(const std::string& path, std::string& data) {
  const auto failed = [&path](int error) {
    return "cannot read " + OneLine(path) + ": " + std::generic_category().message(error);
  };
  const std::unique_ptr<std::FILE, CloseFile> file(path == "-" ? stdin
                                                               : std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return failed(errno);
  std::string block(64 * 1024, '\0');
  while (true) {
    errno = 0;
    const std::size_t count = std::fread(block.data(), 1, block.size(), file.get());
    data.append(block, 0, count);
    if (data.size() > kMaxDataBytes) return OneLine(path) + " holds more than 1 GiB";
    if (count == block.size()) continue;
    return std::ferror(file.get()) != 0 ? failed(errno) : "";
  }
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

std::string BuildHead(const RequestOptions& options, spillway::v1::HttpRequest& request) {
  request.set_url(options.url);
  request.set_request_target(options.request_target);
  const bool has_data = options.data.has_value() || options.raw_data.has_value();
  request.set_method(!options.method.empty() ? options.method
                     : options.head          ? "HEAD"
                     : has_data              ? "POST"
                                             : "GET");
  for (const std::string& header : options.headers) {
    const std::size_t colon = header.find(':');
    if (colon == std::string::npos || colon == 0) {
      return "a header is written as 'Name: value'";
    }
    spillway::v1::Header& field = *request.add_headers();
    field.set_name(header.substr(0, colon));
    field.set_value(std::string(Trim(std::string_view(header).substr(colon + 1))));
    if (!IsUtf8(field.name())) return "a header's name is not text";
  }
  if (!IsUtf8(options.url)) return "the URL is not text";
  if (!IsUtf8(options.method)) return "the method is not text";
  if (!IsUtf8(options.cookie_jar)) return "the cookie jar's name is not text";

  spillway::v1::RequestOptions& wire = *request.mutable_options();
  wire.set_fresh_connection(options.fresh);
  wire.set_max_response_bytes(options.max_response_bytes);
  if (options.max_attempts > 0) wire.mutable_retry()->set_max_attempts(options.max_attempts);
  if (options.idempotent) wire.set_idempotency(spillway::v1::IDEMPOTENCY_IDEMPOTENT);
  if (options.not_idempotent) wire.set_idempotency(spillway::v1::IDEMPOTENCY_NOT_IDEMPOTENT);
  wire.set_max_redirects(options.max_redirects);
  wire.set_cookie_jar(options.cookie_jar);
  if (options.compressed) wire.set_decompression(spillway::v1::DECOMPRESSION_AUTO);
  wire.set_exchange_detail(options.verbosity >= 4 || options.timing
                               ? spillway::v1::EXCHANGE_DETAIL_TIMELINE
                               : spillway::v1::EXCHANGE_DETAIL_SUMMARY);
  return "";
}

std::string BuildRequest(const RequestOptions& options, spillway::v1::HttpRequest& request) {
  if (const std::string problem = BuildHead(options, request); !problem.empty()) return problem;
  if (options.raw_data.has_value()) {
    request.set_body(*options.raw_data);
  } else if (options.data.has_value() && options.data->starts_with('@')) {
    const std::string problem = ReadData(options.data->substr(1), *request.mutable_body());
    if (!problem.empty()) return problem;
  } else if (options.data.has_value()) {
    request.set_body(*options.data);
  }
  return "";
}

}  // namespace spillway::cli
