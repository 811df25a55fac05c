"""What the daemon does at its limits: many idle connections, too many requests, large bodies."""

import json
import subprocess
import time

from harness import contenders, load, nginx, table, wire
from harness.process import BenchError, get

KIB = 1024
MIB = 1024 * KIB
_PATIENCE = 120


def _stop(*servers):
    for server in servers:
        server.stop()


def _idle_connections(daemon):
    """Idle origin connections by the daemon's own metrics."""
    total = 0
    for line in get(f"http://127.0.0.1:{daemon.http_port}/metrics").splitlines():
        if line.startswith("http_client_open_connections") and 'state="idle"' in line:
            total += int(float(line.rpartition(" ")[2]))
    return total


def _settled_bytes(daemon):
    """Memory once it stops changing."""
    last = daemon.private_bytes()
    for _ in range(50):
        time.sleep(0.1)
        now = daemon.private_bytes()
        if now == last:
            break
        last = now
    return last


IDLE_CONFIG = """
process: { max_connections: 12000 }
defaults:
  pool: { max_connections: 12000, max_idle: 12000, idle_timeout: 1h, max_dials: 64 }
"""


def measure_idle(scratch, daemon, origin, count):
    """(bytes before, bytes after, connections): each request that asks for a fresh connection
    leaves one more idle in the pool; few are in flight at a time, so the difference is what idle
    connections hold and not what a burst left."""
    url = f"http://127.0.0.1:{daemon.port}/{contenders.METHOD}"

    def send(requests, fresh):
        message = wire.http_request(origin.url, headers=contenders.HEADERS, fresh=fresh)
        load.run(url, requests, 8, 1, scratch, wire.framed(message))

    send(20000, False)
    send(100, True)
    before, idle_before = _settled_bytes(daemon), _idle_connections(daemon)
    send(count, True)
    after, idle_after = _settled_bytes(daemon), _idle_connections(daemon)
    opened = idle_after - idle_before
    if opened < count * 0.99:
        raise BenchError(f"only {opened} of {count} connections stayed idle in the pool")
    return before, after, opened


def idle_memory(options, scratch, verdicts):
    count = 2000 if options.quick else 10000
    origin = nginx.Origin(scratch)
    daemon = contenders.start_daemon(scratch, IDLE_CONFIG)
    before, after, opened = measure_idle(scratch, daemon, origin, count)
    _stop(daemon, origin.server)
    each = (after - before) / opened
    print(f"Memory per idle pooled connection: {table.size(each)} ({opened:,} connections, "
          f"{table.size(before)} -> {table.size(after)})\n")
    verdicts.add("memory per idle connection", each / KIB, 8.0, " KiB")
    return {"connections": opened, "before_bytes": before, "after_bytes": after, "each": each}


# 64 connections and an origin that holds each request for 50 ms: 1,280 requests a second.
OVERLOAD_CONFIG = """
defaults:
  pool: { max_connections: 64, max_idle: 64, max_waiters: 64 }
"""
OVERLOAD_HOLD_MS = 50
OVERLOAD_CAPACITY = 64 * 1000 / OVERLOAD_HOLD_MS
RESOURCE_EXHAUSTED = "8"
OK = "0"


def overload(options, scratch, verdicts):
    """Twice as many requests as the connections to one origin can carry, at a constant rate."""
    seconds = 3 if options.quick else 8
    daemon = contenders.start_daemon(scratch, OVERLOAD_CONFIG)
    done = subprocess.run(
        [contenders.binary("bench/overload/overload"), "--target", f"127.0.0.1:{daemon.port}",
         "--rate", str(2 * OVERLOAD_CAPACITY), "--seconds", str(seconds),
         "--hold_ms", str(OVERLOAD_HOLD_MS)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, check=False,
    )
    _stop(daemon)
    if done.returncode != 0:
        raise BenchError(f"overload failed: {done.stderr[-1000:]}")
    figures = json.loads(done.stdout)
    codes = figures["codes"]
    if set(codes) != {OK, RESOURCE_EXHAUSTED}:
        raise BenchError(f"overload: outcomes are not served and refused only: {codes}")
    if codes[OK]["count"] != figures["origin_requests"]:
        raise BenchError("overload: the origin did not serve what callers were told it served")
    lines = [(name, f"{codes[code]['count']:,}", table.microseconds(codes[code]["p50_us"]),
              table.microseconds(codes[code]["p99_us"]), table.microseconds(codes[code]["max_us"]))
             for name, code in (("served", OK), ("refused", RESOURCE_EXHAUSTED))]
    print(f"Twice the capacity: {2 * OVERLOAD_CAPACITY:,.0f} requests/s for {seconds} s, 64 "
          f"connections, 64 may wait, the origin holds each {OVERLOAD_HOLD_MS} ms")
    table.rows(("", "requests", "p50", "p99", "max"), lines)
    verdicts.add("p99 of a rejection at twice capacity",
                 codes[RESOURCE_EXHAUSTED]["p99_us"] / 1000, 5.0, " ms")
    return figures


LARGE = 10 * MIB


def _large_run(daemon, origin, message, requests, in_flight, scratch, verdicts, direction):
    url = f"http://127.0.0.1:{daemon.port}/{contenders.METHOD}"
    # The first bodies find out how much memory the daemon wants; the rest must not want more.
    load.run(url, 4 * in_flight, in_flight, 1, scratch, message)
    first_peak = daemon.peak_bytes()
    daemon.reset_peak()
    cpu, (_, served) = daemon.cpu_seconds(), origin.counts()
    figures = load.run(url, requests, in_flight, 1, scratch, message)
    cpu = daemon.cpu_seconds() - cpu
    if origin.counts()[1] - served != requests:
        raise BenchError(f"large bodies, {direction}: the origin did not serve every request")
    if direction == "down" and figures.received_bytes < requests * LARGE:
        raise BenchError("large bodies, down: not every body arrived whole")
    peak = daemon.peak_bytes()
    rate = figures.per_second * LARGE / MIB
    name = f"10 MiB {direction}, {in_flight} at a time, memory"
    verdicts.add(f"{name} / bodies in flight", peak / (in_flight * LARGE), None)
    verdicts.add(f"{name}, later / first", peak / first_peak, 1.5)
    line = (f"{direction}, {in_flight} at a time", f"{rate:,.0f} MiB/s",
            f"{cpu * 1e3 / requests:.1f} ms", table.microseconds(figures.percentile(0.5)),
            table.size(peak))
    return line, {"mib_per_second": rate, "cpu_ms": cpu * 1e3 / requests, "peak_bytes": peak,
                  "first_peak_bytes": first_peak, "in_flight": in_flight, "requests": requests}


def large_body(options, scratch, verdicts):
    """10 MiB each way, a few at a time, with the daemon's largest resident set."""
    requests = 40 if options.quick else 200
    origin = nginx.Origin(scratch, LARGE)
    down = wire.framed(wire.http_request(origin.url + "large", max_response_bytes=16 * MIB))
    up = wire.framed(wire.http_request(origin.url, method="POST", body=b"x" * LARGE))
    lines, detail = [], {}
    for direction, message in (("down", down), ("up", up)):
        for in_flight in (1, 4):
            daemon = contenders.start_daemon(scratch)
            line, figures = _large_run(daemon, origin, message, requests, in_flight, scratch,
                                       verdicts, direction)
            _stop(daemon)
            lines.append(line)
            detail[f"{direction} {in_flight}"] = figures
    _stop(origin.server)
    print(f"Bodies of 10 MiB, {requests} of them")
    table.rows(("", "throughput", "CPU/request", "p50", "peak memory"), lines)
    return detail


def pool_machine(options, _scratch, verdicts):
    """The pool machine alone; its cost must not depend on how many connections lie idle."""
    done = subprocess.run(
        [contenders.binary("bench/pool/acquire_release_bench"), "--benchmark_format=json",
         f"--benchmark_min_time={0.05 if options.quick else 0.3}", "--benchmark_repetitions=3",
         "--benchmark_report_aggregates_only=true"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"bench/pool failed: {done.stderr[-1000:]}")
    medians = {}
    for run in json.loads(done.stdout)["benchmarks"]:
        if run["aggregate_name"] == "median":
            name, _, size = run["run_name"].partition("/")
            medians.setdefault(name, {})[size.partition("/")[0]] = run["cpu_time"]
    print("The pool machine alone, acquire and release of one key, by idle connections")
    table.rows(("", *next(iter(medians.values()))), [
        (name, *(f"{value:.0f} ns" for value in values.values()))
        for name, values in medians.items()])
    for name, values in medians.items():
        verdicts.add(f"pool, most / least: {name.removeprefix('BM_')}",
                     max(values.values()) / min(values.values()), 1.5)
    return medians
