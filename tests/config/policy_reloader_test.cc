// Reloads with files in memory and virtual time: what comes into force, what is refused, and what
// is said about it.

#include "server/policy_reloader.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/config/profile_files.h"

namespace spillway {
namespace {

constexpr char kPath[] = "/etc/sw/spillway.yaml";
constexpr char kConfig[] = R"(
tls_profiles:
  - {name: partner, certificate: {certificate_file: tls.crt, key_file: tls.key}}
destinations:
  - {name: a, matches: [{host: a.test}], tls_profile: partner}
)";

class PolicyReloaderTest : public testing::Test {
 protected:
  PolicyReloaderTest() : files_(ProfileFiles()), inputs_(files_.Inputs()) {
    files_.files[kPath] = kConfig;
    SetPair(Certificates().one, Certificates().one);
    Config config = *LoadConfig(kPath, 1, inputs_);
    config.listen.http = "127.0.0.1:1";  // as a flag would
    first_ = config.policy;
    reloader_ = std::make_unique<PolicyReloader>(
        PolicyReloaderOptions{
            .path = kPath,
            .inputs = &inputs_,
            .apply_flags = [](Config& loaded) { loaded.listen.http = "127.0.0.1:1"; },
            .apply_policy = [this](std::shared_ptr<const Policy> p) { applied_.push_back(p); },
            .metrics = &metrics_,
            .digests = [this](const std::vector<std::string>& paths) { return Digests(paths); }},
        config);
  }

  FileDigests Digests(const std::vector<std::string>& paths) const {
    FileDigests digests;
    for (const std::string& path : paths) {
      const auto file = files_.files.find(path);
      digests[path] = file == files_.files.end() ? "" : ContentDigest(file->second);
    }
    return digests;
  }
  void SetPair(const TestCertificate& certificate, const TestCertificate& key) {
    files_.files["/etc/sw/tls.crt"] = certificate.pem();
    files_.files["/etc/sw/tls.key"] = key.key_pem();
  }
  // Beats until the files have stood still long enough, and one more.
  void PollUntilSettled() {
    for (int i = 0; i < 3; ++i) reloader_->Poll(now_ += kFilePollInterval);
  }
  bool Shows(const std::string& sample) const {
    Exposition out;
    metrics_.Write(out);
    return ("\n" + out.Text()).find("\n" + sample + "\n") != std::string::npos;
  }
  std::string KeyInForce() const { return reloader_->config()->tls[0]->key_pem; }

  MemoryInputs files_;
  const ConfigInputs inputs_;
  ConfigMetrics metrics_;
  std::shared_ptr<const Policy> first_;
  std::vector<std::shared_ptr<const Policy>> applied_;
  std::unique_ptr<PolicyReloader> reloader_;
  Instant now_{std::chrono::hours(1)};
};

TEST_F(PolicyReloaderTest, StartsWithTheFirstPolicyInForce) {
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(reloader_->config()->policy, first_);
  EXPECT_TRUE(Shows("spillway_config_last_reload_successful 1"));
  EXPECT_TRUE(Shows("spillway_policy_version 1"));
}

TEST_F(PolicyReloaderTest, AGoodFileIsTheNextVersion) {
  files_.files[kPath] += "  - {name: b, matches: [{host: b.test}]}\n";
  const ReloadOutcome outcome = reloader_->Reload(ReloadTrigger::kSignal);
  EXPECT_EQ(outcome.kind, ReloadOutcome::Kind::kApplied);
  EXPECT_EQ(outcome.version, 2U);
  EXPECT_EQ(outcome.diff.Lines(), (std::vector<std::string>{"destinations added: b"}));
  ASSERT_EQ(applied_.size(), 1U);
  EXPECT_EQ(applied_[0]->version(), 2U);
  EXPECT_EQ(applied_[0]->destinations().size(), 2U);
  EXPECT_EQ(reloader_->config()->policy, applied_[0]);
  EXPECT_TRUE(Shows("spillway_policy_version 2"));
}

TEST_F(PolicyReloaderTest, TheSameFileIsTheSamePolicy) {
  files_.files[kPath] += "# a remark\n";
  const ReloadOutcome outcome = reloader_->Reload(ReloadTrigger::kSignal);
  EXPECT_EQ(outcome.kind, ReloadOutcome::Kind::kUnchanged);
  EXPECT_EQ(outcome.version, 1U);
  EXPECT_TRUE(applied_.empty());
}

// X-026, C-067: whole or not at all.
TEST_F(PolicyReloaderTest, ABadFileChangesNothing) {
  files_.files[kPath] += "  - {name: b, matches: [{host: b.test}]}\n  - {name: c}\n";
  const ReloadOutcome outcome = reloader_->Reload(ReloadTrigger::kAdmin);
  EXPECT_EQ(outcome.kind, ReloadOutcome::Kind::kRefused);
  EXPECT_EQ(outcome.version, 1U);
  EXPECT_EQ(outcome.problems,
            std::string(kPath) + ":7:5: destinations[2].matches: required, but missing\n");
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(reloader_->config()->policy, first_);
  EXPECT_TRUE(Shows("spillway_config_last_reload_successful 0"));
  EXPECT_TRUE(Shows("spillway_config_reload_failures_total{cause=\"value\"} 1"));
  EXPECT_TRUE(Shows("spillway_policy_version 1"));
}

TEST_F(PolicyReloaderTest, WhatNeedsARestartIsNamedAndNotApplied) {
  files_.files[kPath] +=
      "drain: {grace: 1s}\nprocess: {loops: 7}\ncookies: {enabled: true}\nunmatched: refuse\n";
  const ReloadOutcome outcome = reloader_->Reload(ReloadTrigger::kSignal);
  EXPECT_EQ(outcome.diff.needs_restart, (std::vector<std::string>{"drain", "process", "cookies"}));
  EXPECT_EQ(outcome.diff.Lines(), (std::vector<std::string>{"changed: unmatched"}));
  EXPECT_EQ(reloader_->config()->drain, DrainOptions());
  EXPECT_EQ(reloader_->config()->process.loops, 0U);
  EXPECT_FALSE(reloader_->config()->cookies.enabled);
  EXPECT_TRUE(reloader_->config()->policy->fallback().refuse);
}

// KG14, O-243: a new pair is a new policy, though no path has changed (O-245).
TEST_F(PolicyReloaderTest, ANewPairIsTakenOnceItStandsStill) {
  SetPair(Certificates().two, Certificates().two);
  reloader_->Poll(now_ += kFilePollInterval);
  EXPECT_TRUE(applied_.empty());
  EXPECT_TRUE(Shows("spillway_config_stale_files 2"));
  reloader_->Poll(now_ += kFilePollInterval);
  ASSERT_EQ(applied_.size(), 1U);
  EXPECT_EQ(KeyInForce(), Certificates().two.key_pem());
  EXPECT_NE(applied_[0]->destinations()[0].tls->digest, first_->destinations()[0].tls->digest);
  PollUntilSettled();
  EXPECT_EQ(applied_.size(), 1U);
  EXPECT_TRUE(Shows("spillway_config_stale_files 0"));
}

// X-029, O-243: swapped one after the other; the old pair stays, and an alarm is up.
TEST_F(PolicyReloaderTest, APairThatDoesNotFitKeepsTheOldOne) {
  SetPair(Certificates().two, Certificates().one);
  for (int i = 0; i < 5; ++i) PollUntilSettled();
  EXPECT_TRUE(applied_.empty());
  EXPECT_EQ(KeyInForce(), Certificates().one.key_pem());
  EXPECT_TRUE(Shows("spillway_config_stale_files 1"));
  EXPECT_TRUE(Shows("spillway_config_reload_failures_total{cause=\"tls\"} 1")) << "said once";
  SetPair(Certificates().two, Certificates().two);
  PollUntilSettled();
  EXPECT_EQ(applied_.size(), 1U);
  EXPECT_TRUE(Shows("spillway_config_stale_files 0"));
  EXPECT_TRUE(Shows("spillway_config_last_reload_successful 1"));
}

// KG16: unreadable, empty, garbage: the old one stays; and back again is no new policy.
TEST_F(PolicyReloaderTest, AFileThatIsGoneOrEmptyKeepsTheOldOne) {
  const std::string good = files_.files.at("/etc/sw/tls.crt");
  files_.files.erase("/etc/sw/tls.crt");
  PollUntilSettled();
  EXPECT_TRUE(Shows("spillway_config_reload_failures_total{cause=\"file\"} 1"));
  for (const std::string& bad : {std::string(), std::string("garbage"), good.substr(0, 100)}) {
    files_.files["/etc/sw/tls.crt"] = bad;
    PollUntilSettled();
    EXPECT_TRUE(Shows("spillway_config_stale_files 1"));
  }
  EXPECT_TRUE(Shows("spillway_config_reload_failures_total{cause=\"tls\"} 3"));
  files_.files["/etc/sw/tls.crt"] = good;
  PollUntilSettled();
  EXPECT_TRUE(applied_.empty());
  EXPECT_TRUE(Shows("spillway_config_last_reload_successful 1"));
  EXPECT_TRUE(Shows("spillway_config_stale_files 0"));
}

TEST_F(PolicyReloaderTest, AChangedConfigurationFileNeedsNoSignal) {
  files_.files[kPath] += "unmatched: refuse\n";
  PollUntilSettled();
  ASSERT_EQ(applied_.size(), 1U);
  EXPECT_TRUE(applied_[0]->fallback().refuse);
}

// X-028, as far as it is the reloader's: old snapshots go.
TEST_F(PolicyReloaderTest, ManyReloadsLeaveNoOldPolicyBehind) {
  std::weak_ptr<const Policy> before = first_;
  first_.reset();
  for (int i = 0; i < 1000; ++i) {
    files_.files[kPath] =
        std::string(kConfig) + (i % 2 == 0 ? "unmatched: refuse\n" : "unmatched: allow\n");
    EXPECT_EQ(reloader_->Reload(ReloadTrigger::kSignal).version, static_cast<unsigned>(i) + 2);
    EXPECT_TRUE(before.expired());
    before = reloader_->config()->policy;
    applied_.clear();
  }
}

TEST(PolicyReloaderWithoutAFile, HasNothingToReload) {
  ConfigMetrics metrics;
  PolicyReloader reloader({.path = "",
                           .apply_flags = [](Config&) { FAIL(); },
                           .apply_policy = [](auto) { FAIL(); },
                           .metrics = &metrics},
                          DefaultConfig());
  EXPECT_EQ(reloader.Reload(ReloadTrigger::kSignal).kind, ReloadOutcome::Kind::kNoFile);
  reloader.Poll(Instant(std::chrono::hours(1)));
}

Config Parsed(const std::string& text) {
  static const MemoryInputs files = ProfileFiles();
  return *ParseConfig(text, "/etc/sw/t", 1, files.Inputs());
}

TEST(ConfigDiff, NamesWhatIsAddedRemovedAndChanged) {
  const Config before = Parsed(R"(
tls_profiles: [{name: t-stays}, {name: t-goes}, {name: t-changes, sni: a.test}]
proxies: [{name: p-stays, url: http://a.test}, {name: p-goes, url: http://b.test},
          {name: p-changes, url: http://c.test, credentials: {file: proxy.secret}}]
destinations:
- {name: d-stays, matches: [{host: a.test}]}
- {name: d-goes, matches: [{host: b.test}]}
- {name: d-changes, matches: [{host: c.test}]}
)");
  const Config after = Parsed(R"(
request: {max_header_fields: 7}
proxies: [{name: p-comes, url: http://b.test}, {name: p-stays, url: http://a.test},
          {name: p-changes, url: http://c.test, credentials: {environment: PROXY_LOGIN}}]
tls_profiles: [{name: t-changes, sni: b.test}, {name: t-comes}, {name: t-stays}]
destinations:
- {name: d-comes, matches: [{host: b.test}]}
- {name: d-changes, matches: [{host: c.test}], protocol: h2}
- {name: d-stays, matches: [{host: a.test}]}
)");
  EXPECT_EQ(
      DiffConfigs(before, after).Lines(),
      (std::vector<std::string>{"destinations added: d-comes", "destinations removed: d-goes",
                                "destinations changed: d-changes", "TLS profiles added: t-comes",
                                "TLS profiles removed: t-goes", "TLS profiles changed: t-changes",
                                "proxies added: p-comes", "proxies removed: p-goes",
                                "proxies changed: p-changes", "changed: request"}));
  EXPECT_TRUE(DiffConfigs(before, before).SamePolicy());
  EXPECT_TRUE(DiffConfigs(before, before).Lines().empty());
}

TEST(ConfigDiff, CutsLongLists) {
  std::string text = "destinations:\n";
  for (int i = 100; i < 125; ++i) {
    const std::string n = std::to_string(i);
    text += "- {name: d" + n + ", matches: [{host: a" + n + ".test}]}\n";
  }
  const std::vector<std::string> lines = DiffConfigs(Parsed("{}\n"), Parsed(text)).Lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].ends_with("d118, d119 and 5 more")) << lines[0];
}

}  // namespace
}  // namespace spillway
