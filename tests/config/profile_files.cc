#include "tests/config/profile_files.h"

#include <string>

namespace spillway {

const Pki& Certificates() {
  static const Pki pki;
  return pki;
}

MemoryInputs ProfileFiles() {
  const Pki& pki = Certificates();
  MemoryInputs inputs;
  inputs.files = {{"/etc/sw/ca.pem", pki.root.pem()},
                  {"/etc/sw/one.pem", pki.one.pem()},
                  {"/etc/sw/one.key", pki.one.key_pem()},
                  {"/etc/sw/two.pem", pki.two.pem()},
                  {"/etc/sw/two.key", pki.two.key_pem()},
                  {"/etc/sw/garbage", "not a certificate\n"},
                  {"/etc/sw/empty", ""},
                  {"/etc/sw/half.pem", pki.root.pem().substr(0, 200)},
                  {"/etc/sw/proxy.secret", "spill:se:kret\n"},
                  {"/etc/sw/no-colon", "sekret\n"},
                  {"/etc/sw/no-user", ":sekret\n"},
                  {"/etc/sw/two-lines", "a:sekret\nb:sekret\n"},
                  {"/etc/sw/long", std::string(256, 'u') + ":sekret"}};
  inputs.variables = {{"PROXY_LOGIN", "env:sekret"}, {"BAD_LOGIN", "sekret"}};
  return inputs;
}

}  // namespace spillway
