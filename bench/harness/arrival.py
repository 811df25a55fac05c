"""What callers wait when requests come at a constant rate that both servers can carry."""

import json
import os
import subprocess

from harness import contenders, load, nginx, table, wire
from harness.process import BenchError, Server, accepts

# Closed-loop load that finds out a server's capacity: connections x streams.
FULL_LOAD = (8, 16)
SHARE = 0.5
TARGET = 0.7


def _arrive(rival, message, rate, seconds):
    done = subprocess.run(
        [contenders.binary("bench/arrival/arrival"), "--target", f"127.0.0.1:{rival.server.port}",
         "--message", message, "--rate", str(rate), "--seconds", str(seconds)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=load.LOAD_PATIENCE)
    if done.returncode != 0:
        raise BenchError(f"{rival.title}: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def arrival(options, scratch, verdicts):
    """The section of bench/compare. Both get half of what the slower one can carry."""
    requests, seconds = (20000, 3) if options.quick else (60000, 10)
    origin = nginx.Origin(scratch)
    go = Server("go-peer", [contenders.build_go_peer()], os.path.join(scratch, "go.log"), True)
    go.await_ready(accepts(go.port))
    rivals = [
        contenders.Contender("spillway", "Spillway RoundTrip", contenders.start_daemon(scratch),
                             origin),
        contenders.Contender("go", "Go: grpc-go + net/http", go, origin),
    ]
    message = os.path.join(scratch, "arrival.message")
    with open(message, "wb") as out:
        out.write(wire.http_request(origin.url, headers=contenders.HEADERS))
    capacity = {}
    for rival in rivals:
        rival.run(3000, *FULL_LOAD, scratch)
        capacity[rival.key] = rival.run(requests, *FULL_LOAD, scratch)["per_second"]
    rate = SHARE * min(capacity.values())
    runs = {rival.key: [] for rival in rivals}
    for turn in range(options.rounds):
        for rival in rivals if turn % 2 == 0 else rivals[::-1]:
            runs[rival.key].append(_arrive(rival, message, rate, seconds))
    lines = []
    for rival in rivals:
        middle = {name: table.median([run[name] for run in runs[rival.key]])
                  for name in runs[rival.key][0]}
        lines.append((rival.title, f"{capacity[rival.key]:,.0f}/s",
                      *(table.microseconds(middle[name])
                        for name in ("p50_us", "p99_us", "p999_us", "sender_behind_us")),
                      f"{sum(run['refused'] for run in runs[rival.key]):,}"))
    print(f"{rate:,.0f} requests/s for {seconds} s, each counted from when it was due")
    table.rows(("", "capacity", "p50", "p99", "p99.9", "sender late", "refused"), lines)
    for figure, target in (("p50_us", None), ("p99_us", TARGET), ("p999_us", None)):
        ratios = [mine[figure] / theirs[figure]
                  for mine, theirs in zip(runs["spillway"], runs["go"])]
        verdicts.add(f"{figure.removesuffix('_us')} / Go at half of capacity",
                     table.median(ratios), target)
    # A queue of the pool is bounded: a stall of the machine may fill it, half of capacity may not.
    sent = sum(run["requests"] + run["refused"] for run in runs["spillway"])
    verdicts.add("refused at half of capacity",
                 100 * sum(run["refused"] for run in runs["spillway"]) / sent, 0.0, " %")
    for rival in rivals:
        rival.server.stop()
    origin.stop()
    return {"rate": rate, "capacity": capacity, "runs": runs}
