#include "transport/http2/request_fields.h"

#include <algorithm>
#include <array>

#include "transport/base/ascii.h"
#include "transport/base/header_list.h"

namespace spillway {
namespace {

constexpr std::size_t kFieldOverhead = 32;  // RFC 9113 6.5.2
constexpr std::size_t kPseudoFields = 4;
constexpr std::size_t kMaxDecimalBytes = 20;  // of a 64-bit number

// Said otherwise in HTTP/2 or not at all (RFC 9113 8.2.2); content-length is ours (V14).
constexpr std::array<std::string_view, 8> kLeftOut = {
    "connection", "content-length",   "host",    "http2-settings",
    "keep-alive", "proxy-connection", "upgrade", "transfer-encoding"};

// Credentials: never in a table from which another caller's request could learn (RFC 7541 7.1).
constexpr std::array<std::string_view, 3> kSensitive = {"authorization", "cookie",
                                                        "proxy-authorization"};

template <std::size_t N>
bool Contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool UsuallyHasBody(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

class Builder {
 public:
  // Names of `list` and `more` bytes can be stored; views into the storage are handed out, so it
  // must not grow.
  Builder(Http2RequestFields& out, const HeaderList& list, std::size_t more) : out_(out) {
    std::size_t bytes = more;
    for (const HeaderField& field : list) bytes += field.name.size();
    out_.storage.reserve(bytes);
    out_.fields.reserve(list.size() + kPseudoFields + 1);
  }

  std::string_view Store(std::string_view text) {
    const std::size_t start = out_.storage.size();
    out_.storage.append(text);
    return std::string_view(out_.storage).substr(start);
  }

  std::string_view StoreLower(std::string_view text) {
    const std::size_t start = out_.storage.size();
    for (const char c : text) out_.storage += LowerAscii(c);
    return std::string_view(out_.storage).substr(start);
  }

  void Add(std::string_view name, std::string_view value, bool sensitive = false) {
    out_.fields.push_back({name, value, sensitive});
    out_.list_size += name.size() + value.size() + kFieldOverhead;
  }

  void AddAll(const HeaderList& list) {
    for (const HeaderField& field : list) {
      const std::string_view name = StoreLower(field.name);
      if (Contains(kLeftOut, name)) continue;
      if (name == "cookie") {
        AddCookie(name, field.value);
      } else {
        Add(name, field.value, Contains(kSensitive, name));
      }
    }
  }

 private:
  void AddCookie(std::string_view name, std::string_view value) {
    while (!value.empty()) {
      const std::size_t end = std::min(value.find(';'), value.size());
      const std::string_view crumb = TrimBlanks(value.substr(0, end));
      if (!crumb.empty()) Add(name, crumb, true);
      value.remove_prefix(std::min(end + 1, value.size()));
    }
  }

  Http2RequestFields& out_;
};

}  // namespace

void MakeRequestFields(const RequestHead& head, std::optional<std::uint64_t> body_length,
                       Http2RequestFields& out) {
  const std::string authority = head.url.Authority();
  Builder builder(out, head.headers, authority.size() + kMaxDecimalBytes);
  const std::optional<std::string_view> host = head.headers.Find("Host");
  builder.Add(":method", head.method);
  builder.Add(":scheme", head.url.scheme);
  builder.Add(":authority", host ? *host : builder.Store(authority));
  builder.Add(":path", head.target.empty() ? head.url.target : head.target);
  builder.AddAll(head.headers);
  if (body_length && (*body_length > 0 || UsuallyHasBody(head.method))) {
    builder.Add("content-length", builder.Store(std::to_string(*body_length)));
  }
}

void MakeConnectFields(const RequestHead& head, Http2RequestFields& out) {
  Builder builder(out, head.headers, 0);
  builder.Add(":method", head.method);
  builder.Add(":authority", head.target);
  builder.AddAll(head.headers);
}

void MakeTrailerFields(const HeaderList& trailers, Http2RequestFields& out) {
  Builder(out, trailers, 0).AddAll(trailers);
}

}  // namespace spillway
