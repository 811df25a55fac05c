// Writes seeds for h2_session_fuzz into the folder named by the only argument.

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/harness/http2_frames.h"

namespace spillway {
namespace {

namespace h = h2;

std::string Receive(std::string_view bytes) {
  std::string ops;
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(256, bytes.size()))) {
    const std::string_view part = bytes.substr(0, 256);
    ops += '\0';
    ops += static_cast<char>(part.size() - 1);
    ops += part;
  }
  return ops;
}

constexpr std::string_view kGet = "\x02", kPost = "\x3a", kReset = "\x03", kConsume = "\x04",
                           kWrite = "\xfd", kWait = "\xfe";

std::vector<std::pair<std::string, std::string>> Seeds() {
  const h::Fields ok = {{":status", "200"}};
  const std::string hello = Receive(h::Settings({{h::kMaxStreams, 10}}) + h::SettingsAck());
  const std::string get(kGet), post(kPost), reset(kReset), consume(kConsume), write(kWrite),
      wait(kWait);
  return {
      {"response", hello + get + post + write +
                       Receive(h::Headers(1, ok) + h::Data(1, "hello", true) +
                               h::Headers(3, {{":status", "103"}}) +
                               h::Headers(3, {{":status", "200"}, {"content-length", "2"}}) +
                               h::Data(3, "ab") + h::Headers(3, {{"x-t", "1"}}, true)) +
                       consume},
      {"goaway", hello + get + get + Receive(h::GoAway(1, 0, "bye") + h::Headers(1, ok, true))},
      {"resets", hello + get + get + get + reset +
                     Receive(h::Rst(3, h::kRefusedStream) + h::Rst(5, h::kHttp11Required) +
                             h::Headers(1, ok) + h::Data(1, "late"))},
      {"windows", Receive(h::Settings({{h::kInitialWindow, 5}})) + post + write +
                      Receive(h::Window(1, 3) + h::Window(0, 3) +
                              h::Settings({{h::kInitialWindow, 0}}) + h::Window(1, 100))},
      {"padding", hello + get +
                      Receive(h::Headers(1, ok) + h::PaddedData(1, "abc", 100) +
                              h::PaddedData(1, "", 255, true))},
      {"continuation", hello + get +
                           Receive(h::Frame(h::kHeaders, 0, 1, h::Block(ok)) +
                                   h::Frame(h::kContinuation, 0, 1, h::Block({{"a", "b"}})) +
                                   h::Frame(h::kContinuation, h::kEndHeaders, 1, ""))},
      {"hpack", hello + get +
                    Receive(h::Frame(h::kHeaders, h::kEndHeaders, 1,
                                     "\x88\x40\x01x\x03yyy\xbe\xbe\xbe\x0f\x0d\x01"
                                     "5"))},
      {"floods", hello + get +
                     Receive(h::Ping() + h::Ping() + h::Settings() + h::Data(1, "") +
                             h::Frame(h::kPriority, 0, 7, std::string(5, '\1')) +
                             h::Frame(0x0c, 0, 0, "xx") + h::Window(0, 1))},
      {"silence", get + wait + wait + wait + wait + Receive(h::Settings())},
      {"http1", get + Receive("HTTP/1.1 400 Bad Request\r\n\r\n")},
      {"push", hello + get +
                   Receive(h::Frame(h::kPush, h::kEndHeaders, 1,
                                    h::Number(2, 4) + h::Block({{":method", "GET"}})))},
      {"ids", hello + "\xf7" + get + get + get + "\xff"},
  };
}

}  // namespace
}  // namespace spillway

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (const auto& [name, bytes] : spillway::Seeds()) {
    std::ofstream(std::string(argv[1]) + "/" + name, std::ios::binary) << bytes;
  }
  return 0;
}
