// The obvious alternative to the daemon: a gRPC service of the same contract in Go, over
// net/http.Transport. What one would write in an afternoon, with the transport set as well as
// it goes: compression off, HTTP/1.1, 1024 idle connections a host and no limit over all.
//
// It does less than the daemon: no exchange summary, no typed errors, no queue limits, no metrics.
// Prints the port it listens on and serves until it is told to end.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	spillwayv1 "spillway/proto/spillway/v1"
)

const (
	maxMessage      = 64 << 20
	frameBytes      = 64 << 10
	maxIdlePerHost  = 1024
	idleConnTimeout = 50 * time.Second
)

type egress struct {
	spillwayv1.UnimplementedEgressServer
	transport *http.Transport
}

func (e *egress) RoundTrip(ctx context.Context, in *spillwayv1.HttpRequest) (*spillwayv1.HttpResponse, error) {
	var body io.Reader
	if len(in.Body) > 0 {
		body = bytes.NewReader(in.Body)
	}
	request, err := http.NewRequestWithContext(ctx, in.Method, in.Url, body)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, "malformed request")
	}
	for _, header := range in.Headers {
		if strings.EqualFold(header.Name, "host") {
			request.Host = string(header.Value)
			continue
		}
		request.Header.Add(header.Name, string(header.Value))
	}
	response, err := e.transport.RoundTrip(request)
	if err != nil {
		return nil, status.Error(codes.Unavailable, "no response")
	}
	defer response.Body.Close()
	content, err := readBody(response)
	if err != nil {
		return nil, status.Error(codes.Aborted, "response cut short")
	}
	out := headOf(response)
	out.Body = content
	return out, nil
}

// headOf is the response without its body.
func headOf(response *http.Response) *spillwayv1.HttpResponse {
	out := &spillwayv1.HttpResponse{
		Status:   uint32(response.StatusCode),
		Protocol: response.Proto,
		Reason:   []byte(strings.TrimPrefix(response.Status, fmt.Sprintf("%d ", response.StatusCode))),
		Headers:  make([]*spillwayv1.Header, 0, len(response.Header)),
	}
	for name, values := range response.Header {
		for _, value := range values {
			out.Headers = append(out.Headers, &spillwayv1.Header{Name: name, Value: []byte(value)})
		}
	}
	// Go's map has no order; a caller wants the same one every time.
	sort.SliceStable(out.Headers, func(i, j int) bool { return out.Headers[i].Name < out.Headers[j].Name })
	return out
}

// bodyReader reads a request body from the data frames that follow the head.
type bodyReader struct {
	call spillwayv1.Egress_StreamServer
	rest []byte
}

func (b *bodyReader) Read(into []byte) (int, error) {
	for len(b.rest) == 0 {
		frame, err := b.call.Recv()
		if err != nil {
			return 0, err // io.EOF after the half-close
		}
		data, ok := frame.Frame.(*spillwayv1.StreamRequest_Data)
		if !ok {
			return 0, status.Error(codes.InvalidArgument, "only data after the head")
		}
		b.rest = data.Data
	}
	n := copy(into, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Stream is one exchange with bodies in frames of 64 KiB: no trailers, informational responses,
// upgrades or tunnels.
func (e *egress) Stream(call spillwayv1.Egress_StreamServer) error {
	first, err := call.Recv()
	if err != nil {
		return err
	}
	in := first.GetHead()
	if in == nil {
		return status.Error(codes.InvalidArgument, "no head")
	}
	var body io.Reader
	if in.ContentLength == nil || *in.ContentLength > 0 {
		body = &bodyReader{call: call, rest: in.Body}
	}
	request, err := http.NewRequestWithContext(call.Context(), in.Method, in.Url, body)
	if err != nil {
		return status.Error(codes.InvalidArgument, "malformed request")
	}
	if in.ContentLength != nil {
		request.ContentLength = int64(*in.ContentLength)
	}
	for _, header := range in.Headers {
		request.Header.Add(header.Name, string(header.Value))
	}
	response, err := e.transport.RoundTrip(request)
	if err != nil {
		return status.Error(codes.Unavailable, "no response")
	}
	defer response.Body.Close()
	head := headOf(response)
	if err := call.Send(&spillwayv1.StreamResponse{Frame: &spillwayv1.StreamResponse_Head{Head: head}}); err != nil {
		return err
	}
	// Marshalling copies the frame: one buffer serves them all.
	buffer := make([]byte, frameBytes)
	for {
		n, err := io.ReadFull(response.Body, buffer)
		if n > 0 {
			data := &spillwayv1.StreamResponse_Data{Data: buffer[:n]}
			if err := call.Send(&spillwayv1.StreamResponse{Frame: data}); err != nil {
				return err
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return status.Error(codes.Aborted, "response cut short")
		}
	}
	return call.Send(&spillwayv1.StreamResponse{
		Frame: &spillwayv1.StreamResponse_Trailers{Trailers: &spillwayv1.Trailers{}}})
}

// readBody allocates once when the length is known, as a careful author would.
func readBody(response *http.Response) ([]byte, error) {
	if response.ContentLength >= 0 && response.ContentLength <= maxMessage {
		content := make([]byte, response.ContentLength)
		_, err := io.ReadFull(response.Body, content)
		return content, err
	}
	return io.ReadAll(io.LimitReader(response.Body, maxMessage))
}

// trust reads roots, and lets sessions be resumed, which Go does not do by itself.
func trust(roots string) (*tls.Config, error) {
	config := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(maxIdlePerHost)}
	if roots == "" {
		return config, nil
	}
	pem, err := os.ReadFile(roots)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", roots)
	}
	return config, nil
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	roots := flag.String("roots", "", "file with the certificates to trust; empty: the system's")
	http2 := flag.Bool("h2", false, "speak HTTP/2 where an origin offers it")
	flag.Parse()
	tlsConfig, err := trust(*roots)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
	spillwayv1.RegisterEgressServer(server, &egress{transport: &http.Transport{
		MaxIdleConns:        0,
		MaxIdleConnsPerHost: maxIdlePerHost,
		IdleConnTimeout:     idleConnTimeout,
		DisableCompression:  true,
		TLSClientConfig:     tlsConfig,
		ForceAttemptHTTP2:   *http2,
	}})
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-ended
		server.Stop()
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
