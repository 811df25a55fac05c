// The TLS side of scripted origins and their callers: one authority, and certificates by the names
// that scripts use.
//
// What it is: MakeTlsWorld() makes, once per process, an authority that callers trust, another that
// nobody trusts, and for each way in which an origin's certificate can be right or wrong an
// identity (TlsKeys) under a name: "origin" is good for origin.test, other.test, 127.0.0.1 and ::1.
// Thread safety: immutable once made.

#pragma once

#include <string>

#include "tests/origin/tls_server.h"

namespace spillway {

struct TlsWorld {
  std::string roots_pem;  // what callers trust
  std::string other_roots_pem;
  TlsKeys keys;               // with a ticket key that does not change
  TlsIdentity client;         // signed by authority "clients"
  TlsIdentity second_client;  // of the same authority: after a rotation
  TlsIdentity stranger;       // a client whose issuer nobody knows
};

const TlsWorld& TestTls();

}  // namespace spillway
