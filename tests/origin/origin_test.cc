// The scripted origin, tried with a plain socket: a test double that lies would make every row that
// stands on it worthless.

#include "tests/origin/origin.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "tests/origin/listen.h"
#include "tests/origin/text.h"

namespace spillway {
namespace {

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

// A blocking client socket.
class Client {
 public:
  explicit Client(std::uint16_t port, const std::string& address = "127.0.0.1") {
    socklen_t size = 0;
    const sockaddr_storage target = LoopbackAddress(address, port, size);
    fd_ = socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    error_ = connect(fd_, reinterpret_cast<const sockaddr*>(&target), size) == 0 ? 0 : errno;
  }
  ~Client() { Close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  int error() const { return error_; }
  int fd() const { return fd_; }
  void Send(std::string_view bytes) const {
    EXPECT_EQ(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // The next `size` bytes, fewer at the end of the stream.
  std::string Read(std::size_t size) {
    std::string out;
    std::array<char, 4096> buffer{};
    while (out.size() < size) {
      const ssize_t n = recv(fd_, buffer.data(), std::min(buffer.size(), size - out.size()), 0);
      if (n <= 0) {
        error_ = n < 0 ? errno : 0;
        ended_ = true;
        break;
      }
      out.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return out;
  }
  bool ended() const { return ended_; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
  int error_ = 0;
  bool ended_ = false;
};

TEST(ScriptText, SpellsBytesAndReadsThemBack) {
  const std::string all = "\r\n\t" + std::string(1, '\0') + "\x80\xff\"\\ plain";
  EXPECT_EQ(Unescape(Escape(all)), all);
  EXPECT_EQ(Unescape("\\x4"), std::nullopt);
  EXPECT_EQ(Unescape("\\q"), std::nullopt);
  EXPECT_EQ(Unescape("\\"), std::nullopt);
}

TEST(ScriptText, RepeatsAndGluesBytes) {
  const auto words = SplitWords(R"(send "a b"*2 + "c" + "d\""*0 at 3 # "not this)");
  ASSERT_TRUE(words.has_value());
  std::size_t next = 1;
  EXPECT_EQ(ReadBytes(*words, next), "a ba bc");
  EXPECT_EQ(words->at(next), "at");
  EXPECT_EQ(words->size(), 8U);
  EXPECT_FALSE(SplitWords(R"(send "open)").has_value());
}

TEST(ScriptText, RefusesRepetitionsThatWouldEatTheMachine) {
  std::size_t next = 0;
  EXPECT_EQ(ReadBytes({R"("abcdefgh"*100000000)"}, next), std::nullopt);
}

TEST(ScriptText, ReadsTimesWithTheirUnit) {
  EXPECT_EQ(ReadMicros("250us"), 250U);
  EXPECT_EQ(ReadMicros("30ms"), 30000U);
  EXPECT_EQ(ReadMicros("2s"), 2000000U);
  EXPECT_EQ(ReadMicros("2"), std::nullopt);
  EXPECT_EQ(ReadMicros("-2s"), std::nullopt);
}

TEST(ParseScript, NamesTheLineOfAMistake) {
  EXPECT_EQ(ParseScript("expect_head\nsned \"x\"\n").error, "line 2: not a step: sned");
  EXPECT_EQ(ParseScript("repeat 3\nserve\n").error, "line 2: repeat without end");
  EXPECT_EQ(ParseScript("end\n").error, "line 1: end without repeat");
  EXPECT_EQ(ParseScript("send \"x\" at\n").error, "line 1: not a step: send");
  EXPECT_EQ(ParseScript("\n  # only a comment\n").error, "");
}

TEST(ParseHead, IsStrict) {
  EXPECT_TRUE(ParseHead(kGet).well_formed);
  constexpr std::string_view kBad[] = {
      "GET /a HTTP/1.1\nHost: x\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET  HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /a HTTP/1.0\r\nHost: x\r\n\r\n",
      "GET /a HTTP/1.1\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: x\r\nA : c\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: x\r\nA: c\rd\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n",
  };
  for (const std::string_view head : kBad) EXPECT_FALSE(ParseHead(head).well_formed) << head;
}

TEST(Origin, ServesWhenItsScriptIsOverAndCountsRequests) {
  Origin origin("expect_head\nanswer 201 \"first\"\n");
  Client client(origin.port());
  client.Send(kGet);
  EXPECT_EQ(client.Read(Answer(201, "first").size()), Answer(201, "first"));
  client.Send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(client.Read(Answer(200, "served").size()), Answer(200, "served"));
  client.Close();
  ASSERT_TRUE(origin.log().Await([](const auto& seen) { return seen[0].closed; }));
  const auto seen = origin.seen();
  ASSERT_EQ(seen.size(), 1U);
  ASSERT_EQ(seen[0].requests.size(), 2U);
  EXPECT_EQ(seen[0].requests[0].target, "/a");
  EXPECT_EQ(seen[0].requests[1].body, "abc");
  EXPECT_TRUE(seen[0].requests[1].body_complete);
  EXPECT_EQ(seen[0].peer_end, PeerEnd::kFin);
}

TEST(Origin, SplitsWhatItSendsOnlyAfterThePieceBeforeWasTaken) {
  Origin origin("send \"abc\" each\nsignal sent\nstall\n");
  Client client(origin.port());
  EXPECT_EQ(client.Read(1), "a");
  // The last byte cannot have left yet: "b" is still unread here.
  EXPECT_FALSE(origin.board().Signalled("sent"));
  EXPECT_EQ(client.Read(2), "bc");
  EXPECT_TRUE(origin.board().Await("sent"));
}

TEST(Origin, SendsInTwoPieces) {
  Origin origin("send \"abcdef\" at 2\nsignal sent\nstall\n");
  Client client(origin.port());
  EXPECT_EQ(client.Read(6), "abcdef");
  EXPECT_TRUE(origin.board().Await("sent"));
}

TEST(Origin, ResetsAndFinishes) {
  Origin reset("expect_head\nrst\n");
  Client to_reset(reset.port());
  to_reset.Send(kGet);
  to_reset.Read(1);
  EXPECT_TRUE(to_reset.ended());
  EXPECT_EQ(to_reset.error(), ECONNRESET);

  Origin fin("expect_head\nsend \"x\"\nfin\n");
  Client to_fin(fin.port());
  to_fin.Send(kGet);
  EXPECT_EQ(to_fin.Read(10), "x");
  EXPECT_EQ(to_fin.error(), 0);
}

TEST(Origin, WaitsForTheTestAndTellsIt) {
  Origin origin("expect_head\nsignal head\nwait_for go\nanswer 200 \"late\"\n");
  Client client(origin.port());
  client.Send(kGet);
  ASSERT_TRUE(origin.board().Await("head"));
  origin.board().Signal("go");
  EXPECT_EQ(client.Read(Answer(200, "late").size()), Answer(200, "late"));
}

TEST(Origin, DripsUntilThePeerHangsUp) {
  Origin origin("drip \"ab\" every 100us forever\n");
  Client client(origin.port());
  EXPECT_EQ(client.Read(6), "ababab");
  client.Close();
  EXPECT_TRUE(origin.log().Await([](const auto& seen) { return seen[0].closed; }));
}

TEST(Origin, RepeatsSteps) {
  Origin origin("repeat 2\nsend \"a\"\nrepeat 2\nsend \"b\"\nend\nend\nfin\n");
  Client client(origin.port());
  EXPECT_EQ(client.Read(10), "abbabb");
}

TEST(Origin, ReadsChunkedBodies) {
  Origin origin("serve\n");
  Client client(origin.port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.Send("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  client.Read(Answer(200, "served").size());
  EXPECT_EQ(origin.seen()[0].requests[0].body, "abcde");
}

TEST(Origin, GivesEachConnectionItsScript) {
  OriginOptions options;
  options.scripts = {MustParse("send \"1\"\nfin\n"), MustParse("send \"2\"\nfin\n")};
  options.rest = MustParse("send \"r\"\nfin\n");
  Origin origin(std::move(options));
  for (const char* expected : {"1", "2", "r", "r"}) {
    Client client(origin.port());
    EXPECT_EQ(client.Read(2), expected);
  }
}

TEST(Origin, EndsWithConnectionsInEveryState) {
  auto origin = std::make_unique<Origin>("wait_for never\n");
  Client waiting(origin->port());
  Client serving(origin->port());
  Client refused_later(origin->port());
  ASSERT_TRUE(origin->log().Await([](const auto& seen) { return seen.size() == 3; }));
  const std::uint16_t port = origin->port();
  origin.reset();
  EXPECT_EQ(Client(port).error(), ECONNREFUSED);
  EXPECT_EQ(serving.Read(1), "");
}

TEST(ClosedPort, RefusesAtOnce) {
  const ClosedPort closed;
  EXPECT_EQ(Client(closed.port()).error(), ECONNREFUSED);
}

TEST(SilentPort, NeitherAcceptsNorRefuses) {
  const SilentPort silent;
  ASSERT_TRUE(silent.ok());
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  socklen_t size = 0;
  const sockaddr_storage target = LoopbackAddress("127.0.0.1", silent.port(), size);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&target), size), -1);
  EXPECT_EQ(errno, EINPROGRESS);
  close(fd);
}

}  // namespace
}  // namespace spillway
