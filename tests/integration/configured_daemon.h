// A daemon under a configuration file, and a stub that talks to it.
//
// Thread safety: none; one test's own.

#pragma once

#include <grpcpp/grpcpp.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "spillway/v1/egress.grpc.pb.h"
#include "tests/server/daemon_process.h"

namespace spillway {

class ConfiguredDaemon {
 public:
  // `folder` is where the file goes.
  ConfiguredDaemon(const std::string& folder, const std::string& yaml)
      : process_({.flags = {"--config=" + Write(folder, yaml)}}) {
    if (!process_.AwaitLine("ready")) return;
    stub_ = v1::Egress::NewStub(
        grpc::CreateChannel(process_.address("grpc"), grpc::InsecureChannelCredentials()));
  }

  bool ready() const { return stub_ != nullptr; }
  v1::Egress::Stub& stub() { return *stub_; }
  const std::string& log() const { return process_.log(); }
  // The exit status of an orderly end.
  int End() {
    process_.Signal(SIGTERM);
    return process_.Wait();
  }
  // Most memory that it ever had resident, in bytes; 0 when that is not known.
  std::uint64_t peak_bytes() const {
    std::ifstream status("/proc/" + std::to_string(process_.pid()) + "/status");
    for (std::string word; status >> word;) {
      std::uint64_t kib = 0;
      if (word == "VmHWM:" && status >> kib) return kib * 1024;
    }
    return 0;
  }

 private:
  static std::string Write(const std::string& folder, const std::string& yaml) {
    std::string path = folder + "/spillway.yaml";
    std::ofstream(path) << yaml;
    return path;
  }

  DaemonProcess process_;
  std::unique_ptr<v1::Egress::Stub> stub_;
};

}  // namespace spillway
