#include "server/profile_loader.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "server/proxy_loader.h"
#include "transport/base/no_proxy.h"
#include "transport/base/proxy_environment.h"
#include "transport/tls_profiles.h"

namespace spillway {
namespace {

constexpr std::string_view kFirstEntry = "entry 1: ";  // how NoProxy begins what it says
constexpr std::string_view kPinPrefix = "sha256/";

std::string Item(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

// Of a text that the schema has checked.
SpkiPin DecodePin(std::string_view text) {
  text.remove_prefix(kPinPrefix.size());
  SpkiPin pin{};
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t size = 0;
  for (const char c : text) {
    std::uint32_t digit = 0;
    if (c >= 'A' && c <= 'Z') {
      digit = static_cast<std::uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      digit = static_cast<std::uint32_t>(c - 'a') + 26;
    } else if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0') + 52;
    } else if (c == '=') {
      break;
    } else {
      digit = c == '+' ? 62 : 63;
    }
    bits = bits << 6U | digit;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    pin.at(size++) = static_cast<std::uint8_t>(bits >> static_cast<unsigned>(count));
  }
  return pin;
}

std::string CredentialDigest(std::string_view user, std::string_view password) {
  return Sha256Hex(std::string(user) + '\0' + std::string(password));
}

std::string WithoutField(const Failure& failure) {
  const std::string prefix = failure.field + ": ";
  return failure.message.starts_with(prefix) ? failure.message.substr(prefix.size())
                                             : failure.message;
}

class Loader {
 public:
  Loader(InputReader& inputs, const ReportProblem& report, Config& config)
      : inputs_(inputs), report_(report), config_(config) {}

  void Run(PolicyParts& parts) {
    LoadTls();
    LoadProxies();
    Resolve("defaults", config_.default_route, nullptr, parts.fallback);
    for (std::size_t i = 0; i < parts.destinations.size(); ++i) {
      Resolve(Item("destinations", i), config_.routes[i], &config_.default_route,
              parts.destinations[i]);
    }
  }

 private:
  void LoadTls() {
    for (std::size_t i = 0; i < config_.tls_profiles.size(); ++i) {
      const TlsProfileSettings& settings = config_.tls_profiles[i];
      const std::string path = Item("tls_profiles", i);
      TlsProfilePtr profile = LoadOneTls(settings, path);
      if (!settings.name.empty() && !tls_.emplace(settings.name, profile).second) {
        report_(path + ".name", ConfigCause::kValue, "another TLS profile has this name");
      }
      config_.tls.push_back(std::move(profile));
    }
  }

  // What needs no file. False when something is wrong.
  bool CheckTls(const TlsProfileSettings& settings, const std::string& path) {
    bool good = true;
    const auto bad = [&](const char* key, const char* why) {
      report_(path + key, ConfigCause::kValue, why);
      good = false;
    };
    const bool own_roots = !settings.root_files.empty() || !settings.inline_roots.empty();
    if (settings.insecure && !settings.pins.empty()) {
      bad(".insecure", "a profile that verifies nothing cannot have pins");
    }
    if (settings.insecure && (own_roots || settings.system_roots.value_or(false))) {
      bad(".insecure", "a profile that verifies nothing cannot have roots");
    }
    if (!settings.insecure && !settings.UsesSystemRoots() && !own_roots) {
      bad(".roots.system", "without any root no origin can be trusted");
    }
    if (settings.min_version > settings.max_version) {
      bad(".min_version", "must not be later than max_version");
    }
    return good;
  }

  // The roots of all files behind each other. False when something is wrong with one.
  bool ReadRoots(const TlsProfileSettings& settings, const std::string& path, std::string& pem) {
    bool good = true;
    const auto add = [&](const std::string& text, const std::string& key) {
      TlsProfile probe;
      probe.system_roots = false;
      probe.roots_pem = text;
      const Result<TlsProfilePtr> sealed =
          text.empty() ? BadRequest("roots", "holds no certificate") : SealTlsProfile(probe);
      if (!sealed.has_value()) {
        report_(key, ConfigCause::kTls, WithoutField(sealed.error()));
        good = false;
      }
      pem += text;
      if (!pem.ends_with('\n')) pem += '\n';
    };
    for (std::size_t i = 0; i < settings.root_files.size(); ++i) {
      const std::string key = Item(path + ".roots.files", i);
      std::string text;
      if (inputs_.Read(settings.root_files[i], key, text)) {
        add(text, key);
      } else {
        good = false;
      }
    }
    if (!settings.inline_roots.empty()) add(settings.inline_roots, path + ".roots.inline");
    return good;
  }

  // Null when something is wrong, which is reported.
  TlsProfilePtr LoadOneTls(const TlsProfileSettings& settings, const std::string& path) {
    bool good = CheckTls(settings, path);
    TlsProfile draft;
    good = ReadRoots(settings, path, draft.roots_pem) && good;
    if (!settings.certificate_file.empty()) {
      good = inputs_.Read(settings.certificate_file, path + ".certificate.certificate_file",
                          draft.certificate_pem) &&
             good;
    }
    if (!settings.key_file.empty()) {
      good = inputs_.Read(settings.key_file, path + ".certificate.key_file", draft.key_pem) && good;
    }
    if (!good) return nullptr;
    draft.name = settings.name;
    draft.system_roots = settings.UsesSystemRoots() && !settings.insecure;
    draft.sni = settings.sni;
    draft.verify_name = settings.verify_name;
    draft.min_version = settings.min_version;
    draft.max_version = settings.max_version;
    draft.ciphers = settings.ciphers;
    draft.cipher_suites = settings.cipher_suites;
    draft.groups = settings.groups;
    for (const std::string& pin : settings.pins) draft.pins.push_back(DecodePin(pin));
    draft.resumption = settings.resumption;
    draft.insecure = settings.insecure;
    Result<TlsProfilePtr> sealed = SealTlsProfile(std::move(draft));
    if (sealed.has_value()) return *std::move(sealed);
    report_(path + "." + KeyOf(sealed.error().field), ConfigCause::kTls,
            WithoutField(sealed.error()));
    return nullptr;
  }

  // The key behind a field that SealTlsProfile names.
  static std::string KeyOf(const std::string& field) {
    if (field == "certificate") return "certificate.certificate_file";
    if (field == "key") return "certificate.key_file";
    return field;
  }

  void LoadProxies() {
    ProxyLoader loader(inputs_, report_, config_.listen, tls_);
    for (std::size_t i = 0; i < config_.proxies.size(); ++i) {
      const ProxySettings& settings = config_.proxies[i];
      const std::string path = Item("proxies", i);
      ProxyServerPtr server = loader.Load(settings, path);
      if (!settings.name.empty() && !proxies_.emplace(settings.name, server).second) {
        report_(path + ".name", ConfigCause::kValue, "another proxy has this name");
      }
      config_.proxy_servers.push_back(std::move(server));
    }
  }

  // `inherited` is what was already said about at `defaults`.
  void Resolve(const std::string& path, const RouteSettings& route, const RouteSettings* inherited,
               Destination& destination) {
    const bool own_tls = inherited == nullptr || route.tls_profile != inherited->tls_profile;
    if (!route.tls_profile.empty()) {
      const auto profile = tls_.find(route.tls_profile);
      if (profile != tls_.end()) {
        destination.tls = profile->second;
      } else if (own_tls) {
        report_(path + ".tls_profile", ConfigCause::kValue,
                "no entry of tls_profiles has this name");
      }
    }
    RouteSettings proxy_part = route;
    if (inherited != nullptr) proxy_part.tls_profile = inherited->tls_profile;
    const bool own_proxy = inherited == nullptr || proxy_part != *inherited;
    ResolveProxy(own_proxy ? path + ".proxy" : "", route, destination.proxy);
  }

  // Nothing is reported without `path`.
  void ResolveProxy(const std::string& path, const RouteSettings& route, ProxyRule& rule) {
    const auto bad = [&](const std::string& key, const char* why) {
      if (!path.empty()) report_(path + key, ConfigCause::kValue, why);
    };
    rule = ProxyRule{};
    rule.kind = route.ProxyMode();
    if (rule.kind != ProxyRule::Kind::kServers) {
      if (!route.proxy_servers.empty()) bad(".servers", "only with the mode servers");
      if (!route.no_proxy.empty()) bad(".no_proxy", "only with the mode servers");
      if (route.then_direct) bad(".then_direct", "only with the mode servers");
      if (rule.kind == ProxyRule::Kind::kEnvironment) rule.environment = Environment();
      return;
    }
    if (route.proxy_servers.empty()) bad(".mode", "the mode servers needs servers");
    rule.then_direct = route.then_direct;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < route.proxy_servers.size(); ++i) {
      const auto server = proxies_.find(route.proxy_servers[i]);
      const std::string key = Item(".servers", i);
      if (server == proxies_.end()) {
        bad(key, "no entry of proxies has this name");
      } else if (!seen.insert(server->first).second) {
        bad(key, "this proxy stands in the list already");
      } else if (server->second != nullptr) {
        rule.servers.push_back(server->second);
      }
    }
    std::string no_proxy;
    for (std::size_t i = 0; i < route.no_proxy.size(); ++i) {
      const std::string& entry = route.no_proxy[i];
      const std::vector<std::string> problems = NoProxy::Parse(entry).problems();
      if (entry.find(',') != std::string::npos) {
        bad(Item(".no_proxy", i), "one host an entry, without commas");
      } else if (!problems.empty()) {
        bad(Item(".no_proxy", i), problems.front().substr(kFirstEntry.size()).c_str());
      }
      no_proxy += (i == 0 ? "" : ",") + entry;
    }
    rule.no_proxy = NoProxy::Parse(no_proxy);
  }

  // Read once for all destinations, so that they agree.
  std::shared_ptr<const ProxyEnvironment> Environment() {
    if (environment_ != nullptr) return environment_;
    environment_ = ReadProxyEnvironment(
        [this](const std::string& name) { return inputs_.Variable(name).value_or(""); },
        CredentialDigest, CurrentDefaultTlsProfile());
    return environment_;
  }

  InputReader& inputs_;
  const ReportProblem& report_;
  Config& config_;
  std::shared_ptr<const ProxyEnvironment> environment_;
  // By name; null when something is wrong with the entry.
  TlsProfilesByName tls_;
  std::map<std::string, ProxyServerPtr> proxies_;
};

}  // namespace

void LoadProfiles(std::string_view folder, const ConfigInputs& inputs, const ReportProblem& report,
                  Config& config, PolicyParts& parts) {
  InputReader reader(folder, inputs, report, config.files);
  Loader(reader, report, config).Run(parts);
}

}  // namespace spillway
