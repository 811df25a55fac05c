// grpc.NewClient for Debian's grpc-go, which is older than it; laid over that package by
// readme_test.py.
package grpc

// NewClient is the name that the README uses.
func NewClient(target string, options ...DialOption) (*ClientConn, error) {
	return Dial(target, options...)
}
