"""What the comparison compares: how each is built, started and asked."""

import os
import shutil
import subprocess
import time

from harness import load, nginx, wire
from harness.process import (
    BenchError, Server, accepts, answers, busy_seconds, children_seconds, free_port,
)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
METHOD = "spillway.v1.Egress/RoundTrip"
# A small request as a client library sends it.
HEADERS = (("Accept", "*/*"), ("User-Agent", "bench/1"))
_BUILD_PATIENCE = 3600


def _call(command, **kwargs):
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=_BUILD_PATIENCE, **kwargs,
    )
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command[:3])} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def bazel(*targets):
    """Builds the targets, optimised."""
    _call(["bazel", "build", "--ui_event_filters=-info", "--noshow_progress", *targets], cwd=ROOT)


def binary(path):
    return os.path.join(ROOT, "bazel-bin", path)


def build_go_peer():
    """The path of the Go peer; its generated code and tools live in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "spillway", "bench", "go-peer")
    tools = os.path.join(folder, "bin")
    os.makedirs(tools, exist_ok=True)
    for name in ("main.go", "go.mod", "go.sum"):
        shutil.copy(os.path.join(ROOT, "bench", "go-peer", name), folder)
    env = dict(os.environ, PATH=tools + os.pathsep + os.environ["PATH"], GOWORK="off")
    _call(["go", "build", "-o", tools + "/", "google.golang.org/protobuf/cmd/protoc-gen-go",
           "google.golang.org/grpc/cmd/protoc-gen-go-grpc"], cwd=folder, env=env)
    protos = os.path.join(ROOT, "proto")
    _call(["protoc", "-I" + protos, "-I/usr/include", "--go_out=.", "--go_opt=module=spillway",
           "--go-grpc_out=.", "--go-grpc_opt=module=spillway", "spillway/v1/egress.proto"],
          cwd=folder, env=env)
    _call(["go", "build", "-o", os.path.join(tools, "go-peer"), "."], cwd=folder, env=env)
    return os.path.join(tools, "go-peer")


def start_daemon(scratch, config=None, path=None):
    """The daemon on free ports; config is YAML text."""
    grpc, http = free_port(), free_port()
    folder = os.path.join(scratch, f"spillway-{grpc}")
    os.makedirs(folder)
    # A Unix socket's path is short, and only this user may enter the scratch folder.
    command = [path or binary("server/spillway"), "--grpc_listen", f"127.0.0.1:{grpc}",
               "--http_listen", f"127.0.0.1:{http}", "--admin_listen", f"unix:{folder}/admin"]
    if config:
        with open(os.path.join(folder, "config.yaml"), "w", encoding="ascii") as out:
            out.write(config)
        command += ["--config", os.path.join(folder, "config.yaml")]
    server = Server("spillway", command, os.path.join(folder, "log"))
    server.port = grpc
    server.http_port = http
    server.admin = f"unix:{folder}/admin"
    return server.await_ready(answers(f"http://127.0.0.1:{http}/readyz"))


class Contender:
    """A server under load and how to load it."""

    def __init__(self, key, title, server, origin, reaches_origin=True, http1=False):
        self.key, self.title, self.server = key, title, server
        self._origin, self._reaches_origin, self._http1 = origin, reaches_origin, http1
        if http1:
            self._url, self._message = f"http://127.0.0.1:{server.port}/", None
        else:
            self._url = f"http://127.0.0.1:{server.port}/{METHOD}"
            self._message = wire.framed(wire.http_request(origin.url, headers=HEADERS))

    def run(self, requests, clients, streams, scratch):
        """One round: figures by name. Fails unless the origin served every request, once."""
        if self._http1:
            # HTTP/1.1 has no streams: as many connections give the same requests in flight.
            clients, streams = clients * streams, 1
        connections_before, served_before = self._origin.counts()
        cpu_before, ours_before = self.server.cpu_seconds(), self._own_seconds()
        busy_before, begun = busy_seconds(), time.monotonic()
        figures = self._load(requests, clients, streams, scratch)
        cpu = self.server.cpu_seconds() - cpu_before
        others = busy_seconds() - busy_before - (self._own_seconds() - ours_before)
        capacity = (time.monotonic() - begun) * os.cpu_count()
        connections, served = self._origin.counts()
        expected = requests if self._reaches_origin else 0
        if served - served_before != expected:
            raise BenchError(
                f"{self.title}: the origin served {served - served_before} of {expected} requests"
            )
        return {
            "cpu_us": cpu * 1e6 / requests,
            "per_second": figures.per_second,
            "p50_us": figures.percentile(0.50),
            "p99_us": figures.percentile(0.99),
            "dialled": connections - connections_before,
            "others": max(0.0, others / capacity),
        }

    def _load(self, requests, clients, streams, scratch):
        return load.run(
            self._url, requests, clients, streams, scratch, self._message, self._http1
        )

    def _own_seconds(self):
        """CPU time of everything that takes part in a round."""
        return (self.server.cpu_seconds() + self._origin.server.cpu_seconds() + children_seconds()
                + time.process_time())


def start_all(scratch, origin, go_peer):
    """Every contender, started and listening."""
    echo = Server("echo", [binary("bench/echo/echo")], os.path.join(scratch, "echo.log"), True)
    parsed = Server("echo --parse", [binary("bench/echo/echo"), "--parse"],
                    os.path.join(scratch, "echo-parse.log"), True)
    go = Server("go-peer", [go_peer], os.path.join(scratch, "go.log"), True)
    go.await_ready(accepts(go.port))
    proxy = nginx.start_proxy(scratch, origin.server.port)
    return [
        Contender("spillway", "Spillway RoundTrip", start_daemon(scratch), origin),
        Contender("echo", "gRPC C++ echo, raw bytes", echo, origin, reaches_origin=False),
        Contender("parsed", "gRPC C++ echo, parsed", parsed, origin, reaches_origin=False),
        Contender("go", "Go: grpc-go + net/http", go, origin),
        Contender("nginx", "nginx proxy, HTTP/1.1", proxy, origin, http1=True),
    ]
