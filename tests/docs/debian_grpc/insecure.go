// Package insecure is what newer versions of grpc-go have and Debian's has not; laid beside that
// package by readme_test.py.
package insecure

import (
	"context"
	"net"

	"google.golang.org/grpc/credentials"
)

type clearText struct{}

type authInfo struct{ credentials.CommonAuthInfo }

func (authInfo) AuthType() string { return "insecure" }

// NewCredentials leaves connections as they are.
func NewCredentials() credentials.TransportCredentials { return clearText{} }

func (clearText) ClientHandshake(_ context.Context, _ string, connection net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return connection, authInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}}, nil
}

func (clearText) ServerHandshake(connection net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return connection, authInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}}, nil
}

func (clearText) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "insecure"}
}

func (clearText) Clone() credentials.TransportCredentials { return clearText{} }

func (clearText) OverrideServerName(string) error { return nil }
