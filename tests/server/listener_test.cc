#include "server/listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>

namespace spillway {
namespace {

std::string Folder() {
  static const std::string folder = [] {
    std::string pattern = "/tmp/spillway-test-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    return pattern;
  }();
  return folder;
}

ListenAddress Address(const std::string& text) {
  const Result<ListenAddress> address = ParseListenAddress(text, "test");
  EXPECT_TRUE(address.has_value()) << text;
  return *address;
}

Result<Listener> Open(const std::string& text, mode_t mode = 0600) {
  return Listener::Open(Address(text), "--grpc_listen", mode);
}

int ConnectUnix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int result = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::close(fd);
  return result;
}

bool Exists(const std::string& path) {
  struct stat file {};
  return ::lstat(path.c_str(), &file) == 0;
}

TEST(Listener, TellsTheRealPortWhenTheSystemChose) {
  for (const char* text : {"127.0.0.1:0", "localhost:0", "127.0.0.5:0"}) {
    const Result<Listener> listener = Open(text);
    ASSERT_TRUE(listener.has_value()) << listener.error().message;
    EXPECT_NE(listener->address().port, 0) << text;
  }
}

TEST(Listener, SaysWhichAddressIsTaken) {
  const Result<Listener> first = Open("127.0.0.1:0");
  ASSERT_TRUE(first.has_value());
  const std::string address = first->address().Text();
  const Result<Listener> second = Open(address);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().message,
            "cannot listen on " + address +
                " (--grpc_listen): another process already listens there; stop it or choose "
                "another address");
}

TEST(Listener, GivesItsUnixSocketTheModeAndRemovesItAtTheEnd) {
  const std::string path = Folder() + "/new/mode.sock";
  {
    const Result<Listener> listener = Open("unix:" + path, 0640);
    ASSERT_TRUE(listener.has_value()) << listener.error().message;
    struct stat file {};
    ASSERT_EQ(::stat(path.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777u, 0640u);
    ASSERT_EQ(::stat((Folder() + "/new").c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777u, 0700u) << "of the folder it made";
    EXPECT_EQ(ConnectUnix(path), 0);
  }
  EXPECT_FALSE(Exists(path));
}

TEST(Listener, ReplacesAStaleSocketFile) {
  const std::string path = Folder() + "/stale.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);  // the file stays
  ASSERT_TRUE(Exists(path));
  const Result<Listener> listener = Open("unix:" + path);
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  EXPECT_EQ(ConnectUnix(path), 0);
}

TEST(Listener, LeavesASocketAloneThatSomebodyListensOn) {
  const std::string path = Folder() + "/live.sock";
  const Result<Listener> first = Open("unix:" + path);
  ASSERT_TRUE(first.has_value());
  const Result<Listener> second = Open("unix:" + path);
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message.find("already listens"), std::string::npos);
  EXPECT_EQ(ConnectUnix(path), 0);
}

TEST(Listener, LeavesAFileAloneThatIsNoSocket) {
  const std::string path = Folder() + "/precious";
  std::ofstream(path) << "data";
  const Result<Listener> listener = Open("unix:" + path);
  ASSERT_FALSE(listener.has_value());
  EXPECT_NE(listener.error().message.find("not a socket"), std::string::npos);
  EXPECT_TRUE(Exists(path));
}

TEST(Listener, DoesNotRemoveASocketFileThatReplacedItsOwn) {
  const std::string path = Folder() + "/replaced.sock";
  Result<Listener> first = Open("unix:" + path);
  ASSERT_TRUE(first.has_value());
  ASSERT_EQ(::unlink(path.c_str()), 0);
  const Result<Listener> second = Open("unix:" + path);
  ASSERT_TRUE(second.has_value());
  first->Close();
  EXPECT_TRUE(Exists(path));
}

TEST(Listener, SaysWhyAFolderCannotBeMade) {
  const Result<Listener> listener = Open("unix:/proc/nowhere/x.sock");
  ASSERT_FALSE(listener.has_value());
  EXPECT_NE(listener.error().message.find("unix:/proc/nowhere/x.sock"), std::string::npos);
}

}  // namespace
}  // namespace spillway
