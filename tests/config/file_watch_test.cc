// When files are read again: virtual time for the decision, real files for the eye.

#include "server/file_watch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace spillway {
namespace {

constexpr Instant kStart{std::chrono::hours(1)};

// One poll a second, each with the contents given.
class FileWatchTest : public testing::Test {
 protected:
  bool Poll(const FileDigests& contents) {
    now_ += kFilePollInterval;
    return watch_.OnContents(contents, now_);
  }

  FileWatch watch_;
  Instant now_ = kStart;
};

TEST_F(FileWatchTest, WatchesWhatTheLastLoadHasSeen) {
  EXPECT_TRUE(watch_.paths().empty());
  watch_.OnLoad({{"a", "1"}, {"b", ""}});
  EXPECT_EQ(watch_.paths(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(FileWatchTest, UnchangedContentsLoadNothing) {
  watch_.OnLoad({{"a", "1"}});
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(Poll({{"a", "1"}}));
}

TEST_F(FileWatchTest, AChangeLoadsOnceItStandsStill) {
  watch_.OnLoad({{"a", "1"}});
  EXPECT_FALSE(Poll({{"a", "2"}}));
  EXPECT_TRUE(Poll({{"a", "2"}}));
  watch_.OnLoad({{"a", "2"}});
  EXPECT_FALSE(Poll({{"a", "2"}}));
}

// a file that is being written, and a pair of which one half is written before the other.
TEST_F(FileWatchTest, ChangesThatGoOnAreWaitedFor) {
  watch_.OnLoad({{"cert", "1"}, {"key", "1"}});
  EXPECT_FALSE(Poll({{"cert", "half"}, {"key", "1"}}));
  EXPECT_FALSE(Poll({{"cert", "2"}, {"key", "1"}}));
  EXPECT_FALSE(Poll({{"cert", "2"}, {"key", "2"}}));
  EXPECT_TRUE(Poll({{"cert", "2"}, {"key", "2"}}));
}

TEST_F(FileWatchTest, AFileThatNeverRestsIsLoadedAllTheSame) {
  watch_.OnLoad({{"a", "0"}});
  int polls = 0;
  while (!Poll({{"a", std::to_string(++polls)}})) ASSERT_LT(polls, 20);
  EXPECT_EQ(polls, 11);
}

TEST_F(FileWatchTest, AChangeThatIsTakenBackIsNoChange) {
  watch_.OnLoad({{"a", "1"}});
  EXPECT_FALSE(Poll({{"a", ""}}));
  EXPECT_FALSE(Poll({{"a", "1"}}));
  EXPECT_FALSE(Poll({{"a", ""}}));  // waits anew
  EXPECT_TRUE(Poll({{"a", ""}}));
}

// A refused load: what it saw is not tried again, what comes after is; going back is a change too.
TEST_F(FileWatchTest, RefusedContentsAreTriedOnce) {
  watch_.OnLoad({{"a", "good"}});
  EXPECT_FALSE(Poll({{"a", "bad"}}));
  EXPECT_TRUE(Poll({{"a", "bad"}}));
  watch_.OnLoad({{"a", "bad"}});
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(Poll({{"a", "bad"}}));
  EXPECT_FALSE(Poll({{"a", "good"}}));
  EXPECT_TRUE(Poll({{"a", "good"}}));
}

// The load itself may see something newer than the poll did.
TEST_F(FileWatchTest, WhatTheLoadSawCounts) {
  watch_.OnLoad({{"a", "1"}});
  EXPECT_FALSE(Poll({{"a", "2"}}));
  EXPECT_TRUE(Poll({{"a", "2"}}));
  watch_.OnLoad({{"a", "3"}});
  EXPECT_FALSE(Poll({{"a", "3"}}));
}

class FileProbeTest : public testing::Test {
 protected:
  FileProbeTest() {
    std::string name = testing::TempDir() + "file_probe_XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~FileProbeTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }
  std::string Digest(const std::string& name) {
    return probe_.Digests({Path(name)}).at(Path(name));
  }

  std::string folder_;
  FileProbe probe_{SystemInputs()};
};

TEST_F(FileProbeTest, TellsContents) {
  Write("a", "one");
  EXPECT_EQ(Digest("a"), ContentDigest("one"));
  Write("a", "two");  // of the same size, within the same tick
  EXPECT_EQ(Digest("a"), ContentDigest("two"));
  EXPECT_EQ(Digest("missing"), "");
  ::unlink(Path("a").c_str());
  EXPECT_EQ(Digest("a"), "");
}

// Kubernetes: file -> ..data/file, ..data -> a folder; a rename turns ..data over.
TEST_F(FileProbeTest, FollowsAFlippedSymlink) {
  std::filesystem::create_directory(Path("v1"));
  std::filesystem::create_directory(Path("v2"));
  Write("v1/tls.crt", "one");
  Write("v2/tls.crt", "two");
  std::filesystem::create_symlink("v1", Path("..data"));
  std::filesystem::create_symlink("..data/tls.crt", Path("tls.crt"));
  EXPECT_EQ(Digest("tls.crt"), ContentDigest("one"));
  std::filesystem::create_symlink("v2", Path("..tmp"));
  std::filesystem::rename(Path("..tmp"), Path("..data"));
  EXPECT_EQ(Digest("tls.crt"), ContentDigest("two"));
}

TEST_F(FileProbeTest, ReadsAFileAtRestOnlyOnce) {
  int reads = 0;
  const ConfigInputs counted{[&reads](const std::string& path, std::string& text) {
                               ++reads;
                               return SystemInputs().read_file(path, text);
                             },
                             nullptr};
  FileProbe probe(counted);
  const std::string old = "/etc/passwd";  // older than this test
  for (int i = 0; i < 3; ++i) probe.Digests({old});
  EXPECT_EQ(reads, 1);
  Write("new", "x");
  for (int i = 0; i < 3; ++i) probe.Digests({Path("new")});
  EXPECT_EQ(reads, 4) << "a file that has just changed may change again without a trace";
}

TEST_F(FileProbeTest, AFileThatCannotBeReadIsNoDigest) {
  EXPECT_EQ(probe_.Digests({folder_}).at(folder_), "");
}

}  // namespace
}  // namespace spillway
