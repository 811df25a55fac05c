"""Multiplex in batches against the daemon's own RoundTrip and the Go service's unary calls."""

import json
import subprocess

from harness import contenders, load, nginx, table
from harness.process import BenchError, Server, accepts

# Calls in a message -> connections and streams on each: always 128 requests in flight.
SHAPES = {1: (8, 16), 8: (8, 2), 64: (2, 1)}
UNARY = (8, 16)
WARM_UP = 3200
LARGEST = max(SHAPES)
# CPU per request over the Go service's, and over our own RoundTrip's.
TARGETS = {1: (None, 1.00), 8: (None, None), 64: (0.25, 0.60)}


class Figures:
    """Of one run of the Multiplex load; what contenders.Contender asks of a load.Load."""

    def __init__(self, printed):
        self._printed = printed
        self.per_second = printed["requests"] / printed["seconds"]
        self.results_per_message = printed["results_per_message"]

    def percentile(self, share):
        return self._printed[{0.50: "p50_us", 0.99: "p99_us"}[share]]


class Multiplex(contenders.Contender):
    """The daemon under batches of one size."""

    def __init__(self, batch, server, origin):
        super().__init__(f"multiplex-{batch}", f"Spillway Multiplex, batches of {batch}", server,
                         origin)
        self.batch = batch
        self.results_per_message = 0.0

    def _load(self, requests, clients, streams, scratch):
        done = subprocess.run(
            [contenders.binary("bench/multiplex/multiplex"),
             "--target", f"127.0.0.1:{self.server.port}", "--url", self._origin.url,
             "--connections", str(clients), "--streams", str(streams),
             "--batch", str(self.batch), "--requests", str(requests)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=load.LOAD_PATIENCE)
        if done.returncode != 0:
            raise BenchError(f"{self.title}: {done.stderr[-500:]}")
        figures = Figures(json.loads(done.stdout))
        self.results_per_message = figures.results_per_message
        return figures


def start_all(scratch, origin, go_peer):
    """(rival, shape) of everything that is compared; one daemon serves both its methods."""
    daemon = contenders.start_daemon(scratch)
    go = Server("go-peer", [go_peer], scratch + "/go.log", True)
    go.await_ready(accepts(go.port))
    rivals = [
        (contenders.Contender("go", "Go: grpc-go + net/http, unary", go, origin), UNARY),
        (contenders.Contender("spillway", "Spillway RoundTrip", daemon, origin), UNARY),
    ]
    return rivals + [(Multiplex(batch, daemon, origin), SHAPES[batch]) for batch in SHAPES]


def multiplex(options, scratch, verdicts):
    """The section of bench/compare."""
    requests = 20 * LARGEST * (16 if options.quick else 64)
    origin = nginx.Origin(scratch)
    rivals = start_all(scratch, origin, contenders.build_go_peer())
    runs = {rival.key: [] for rival, _ in rivals}
    packing = {}
    for rival, shape in rivals:
        rival.run(WARM_UP, *shape, scratch)
    for turn in range(options.rounds):
        first = turn % len(rivals)
        for rival, shape in rivals[first:] + rivals[:first]:
            runs[rival.key].append(rival.run(requests, *shape, scratch))
            packing.setdefault(rival.key, []).append(getattr(rival, "results_per_message", 1))
    lines = []
    for rival, _ in rivals:
        middle = {name: table.median([run[name] for run in runs[rival.key]])
                  for name in runs[rival.key][0]}
        lines.append((rival.title, table.microseconds(middle["cpu_us"]),
                      f"{middle['per_second']:,.0f}", table.microseconds(middle["p50_us"]),
                      table.microseconds(middle["p99_us"]),
                      f"{table.median(packing[rival.key]):.1f}"))
    print(f"128 requests in flight, {requests:,} a round")
    table.rows(("", "CPU/request", "requests/s", "p50", "p99", "results/message"), lines)
    for batch, (of_go, of_own) in TARGETS.items():
        for over, title, target in (("go", "Go", of_go), ("spillway", "RoundTrip", of_own)):
            ratios = [mine["cpu_us"] / theirs["cpu_us"]
                      for mine, theirs in zip(runs[f"multiplex-{batch}"], runs[over])]
            verdicts.add(f"CPU per request / {title}, Multiplex in batches of {batch}",
                         table.median(ratios), target)
    for rival, _ in rivals[:2]:
        rival.server.stop()
    origin.stop()
    return {"runs": runs, "results_per_message": packing}
