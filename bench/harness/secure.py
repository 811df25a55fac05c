"""TLS origins over HTTP/1.1 and HTTP/2, against the Go service; restarts; idle memory."""

import json
import os
import re
import subprocess

from harness import contenders, extremes, load, nginx, table, wire
from harness.process import BenchError, Server, accepts, get

CALLERS = 64
SHAPE = (8, 8)  # connections of callers x streams: 64 in flight
KIB = 1024
WARM_UP = 3000
TARGETS = {"h1": 0.50, "h2": 0.40}
TITLES = {"h1": "TLS, HTTP/1.1", "h2": "TLS, HTTP/2"}


def make_certificate(scratch):
    """A self-signed certificate for 127.0.0.1 and its key; paths."""
    certificate, key = os.path.join(scratch, "tls.pem"), os.path.join(scratch, "tls.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        stdin=subprocess.DEVNULL, capture_output=True, check=True,
    )
    with open(os.path.join(scratch, "ticket.key"), "wb") as out:
        out.write(os.urandom(80))
    return certificate, key


def spillway_config(certificate, protocol, pool=""):
    words = {"h1": "http/1.1", "h2": "h2"}
    return f"""
process: {{ max_connections: 12000 }}
defaults:
  protocol: {words[protocol]}
  tls_profile: bench
  pool: {{ max_connections: 12000, max_idle: 12000, idle_timeout: 1h{pool} }}
tls_profiles:
- name: bench
  roots: {{ files: [{certificate}] }}
"""


def _start_go(scratch, go_peer, certificate, protocol):
    command = [go_peer, "-roots", certificate] + (["-h2"] if protocol == "h2" else [])
    go = Server("go-peer", command, os.path.join(scratch, f"go-{protocol}.log"), True)
    return go.await_ready(accepts(go.port))


def _compare(options, scratch, verdicts, go_peer, certificate, protocol):
    requests = 10000 if options.quick else 40000
    origin = nginx.TlsOrigin(os.path.join(scratch, protocol), scratch, protocol == "h2")
    rivals = [
        contenders.Contender(
            "spillway", "Spillway",
            contenders.start_daemon(scratch, spillway_config(certificate, protocol)), origin),
        contenders.Contender(
            "go", "Go: grpc-go + net/http",
            _start_go(scratch, go_peer, certificate, protocol), origin),
    ]
    runs = {rival.key: [] for rival in rivals}
    for rival in rivals:
        rival.run(WARM_UP, *SHAPE, scratch)
    for turn in range(options.rounds):
        for rival in rivals if turn % 2 == 0 else rivals[::-1]:
            runs[rival.key].append(rival.run(requests, *SHAPE, scratch))
    lines = []
    for rival in rivals:
        middle = {name: table.median([run[name] for run in runs[rival.key]])
                  for name in runs[rival.key][0]}
        lines.append((rival.title, table.microseconds(middle["cpu_us"]),
                      f"{middle['per_second']:,.0f}", table.microseconds(middle["p50_us"]),
                      table.microseconds(middle["p99_us"]), f"{middle['dialled']:,.0f}"))
    print(f"{TITLES[protocol]}: {CALLERS} in flight, {requests:,} requests a round")
    table.rows(("", "CPU/request", "requests/s", "p50", "p99", "dialled"), lines)
    for what, figure, target, at_least in (
            ("CPU per request", "cpu_us", TARGETS[protocol], False),
            ("requests per second", "per_second", None, True),
            ("p99", "p99_us", None, False)):
        ratios = [mine[figure] / theirs[figure] for mine, theirs in zip(runs["spillway"], runs["go"])]
        verdicts.add(f"{what} / Go, {TITLES[protocol]}", table.median(ratios), target,
                     at_least=at_least)
    dialled = sum(run["dialled"] for run in runs["spillway"])
    verdicts.add(f"reuse over {CALLERS} callers, {TITLES[protocol]}",
                 100 * (1 - dialled / (requests * options.rounds)), 99.9, " %", at_least=True)
    restart = _restart(scratch, verdicts, origin, rivals[0].server, protocol)
    for rival in rivals:
        rival.server.stop()
    origin.stop()
    return {"runs": runs, "restart": restart}


def _handshakes(daemon):
    """(all, resumed) handshakes by the daemon's own metrics."""
    counts = {"true": 0, "false": 0}
    text = get(f"http://127.0.0.1:{daemon.http_port}/metrics")
    for line in text.splitlines():
        found = re.match(r'spillway_tls_handshakes_total\{.*resumed="(\w+)".*\} (\d+)', line)
        if found:
            counts[found[1]] += int(found[2])
    return counts["true"] + counts["false"], counts["true"]


def _restart(scratch, verdicts, origin, daemon, protocol):
    """What 10,000 requests cost in handshakes once the origin, ticket key kept, has restarted."""
    requests = 10000
    message = wire.framed(wire.http_request(origin.url, headers=contenders.HEADERS))
    url = f"http://127.0.0.1:{daemon.port}/{contenders.METHOD}"
    load.run(url, WARM_UP, *SHAPE, scratch, message)
    all_before, resumed_before = _handshakes(daemon)
    origin.restart()
    load.run(url, requests, *SHAPE, scratch, message)
    everything, resumed = _handshakes(daemon)
    everything, resumed = everything - all_before, resumed - resumed_before
    if everything == 0:
        raise BenchError("no handshake after a restart: what carried the requests?")
    verdicts.add(f"handshakes per 10,000 after a restart, {TITLES[protocol]}", everything, None, "")
    verdicts.add(f"resumed of them, {TITLES[protocol]}", 100 * resumed / everything, 99.0, " %",
                 at_least=True)
    return {"handshakes": everything, "resumed": resumed}


def secure(options, scratch, verdicts):
    certificate, _ = make_certificate(scratch)
    go_peer = contenders.build_go_peer()
    return {protocol: _compare(options, scratch, verdicts, go_peer, certificate, protocol)
            for protocol in ("h1", "h2")}


def idle_memory(options, scratch, verdicts):
    """As for plain connections: each request that asks for a fresh connection leaves it idle."""
    count = 500 if options.quick else 4000
    certificate, _ = make_certificate(scratch)
    origin = nginx.TlsOrigin(os.path.join(scratch, "idle-tls"), scratch, False)
    daemon = contenders.start_daemon(scratch, spillway_config(certificate, "h1"))
    before, after, opened = extremes.measure_idle(scratch, daemon, origin, count)
    daemon.stop()
    origin.stop()
    each = (after - before) / opened
    print(f"Memory per idle TLS connection: {table.size(each)} ({opened:,} connections)\n")
    verdicts.add("memory per idle TLS connection", each / KIB, 24.0, " KiB")
    return {"connections": opened, "each": each}


STORM_RATE = 1000


def storm(options, scratch, verdicts):
    """Cancelled streams at a fixed arrival rate over HTTP/2: what becomes of the other requests."""
    seconds = 5 if options.quick else 20
    certificate, _ = make_certificate(scratch)
    go_peer = contenders.build_go_peer()
    origin = nginx.TlsOrigin(os.path.join(scratch, "storm"), scratch, True)
    servers = {
        "Spillway": contenders.start_daemon(scratch, spillway_config(certificate, "h2")),
        "Go": _start_go(scratch, go_peer, certificate, "h2"),
    }
    lines, detail = [], {}
    for share in (0.01, 0.03):
        for name, server in servers.items():
            done = subprocess.run(
                [contenders.binary("bench/storm/storm"), "--target", f"127.0.0.1:{server.port}",
                 "--url", origin.url, "--slow_url", origin.url + "slow", "--rate", str(STORM_RATE),
                 "--seconds", str(seconds), "--share", str(share)],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=60 + seconds * 4, check=False,
            )
            if done.returncode != 0:
                raise BenchError(f"storm failed: {done.stderr[-1000:]}")
            figures = json.loads(done.stdout)
            success = 100 * figures["good"] / figures["others"]
            detail[f"{name} {share}"] = figures
            lines.append((f"{name}, {share:.0%} run out of time", f"{success:.3f} %",
                          table.microseconds(figures["p50_us"]),
                          table.microseconds(figures["p99_us"])))
            verdicts.add(f"success of the others, {share:.0%} cancelled, {name}", success,
                         99.9 if name == "Spillway" else None, " %", at_least=True)
    print(f"Cancellation storms over HTTP/2: {STORM_RATE:,} requests/s for {seconds} s")
    table.rows(("", "success of the others", "p50", "p99"), lines)
    for server in servers.values():
        server.stop()
    origin.stop()
    return detail
