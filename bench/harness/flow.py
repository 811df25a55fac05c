"""Large bodies through Stream, against curl through nginx and the same method in Go."""

import json
import os
import socket
import subprocess
import threading

from harness import contenders, load, nginx, table
from harness.process import BenchError, Server, accepts, children_seconds

MIB = 1 << 20
# Body of the run that finds out how much memory a server wants; a larger one must not want more.
SMALL = 16 * MIB
QUICK, FULL = 128 * MIB, 1024 * MIB
LEAST_OF_GO = 1.3
MOST_MEMORY = 1.25


class Sink:
    """An origin that reads request bodies of a known length, drops them and answers 204.

    nginx would write them to disk, and that is not what is measured.
    """

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.received = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        buffer = bytearray(MIB)
        pending = b""
        with connection:
            while True:
                while b"\r\n\r\n" not in pending:
                    more = connection.recv(65536)
                    if not more:
                        return
                    pending += more
                head, _, pending = pending.partition(b"\r\n\r\n")
                left = next(int(line.partition(b":")[2]) for line in head.split(b"\r\n")
                            if line.lower().startswith(b"content-length:"))
                self.received += left
                left -= len(pending)
                pending = b""
                while left > 0:
                    count = connection.recv_into(buffer, min(left, MIB))
                    if not count:
                        return
                    left -= count
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    def stop(self):
        self._listener.close()


class Streamed:
    """A server of the contract, under our load program."""

    def __init__(self, key, title, server):
        self.key, self.title, self.server = key, title, server

    def carry(self, url, _path, size, up):
        """Seconds for one body."""
        done = subprocess.run(
            [contenders.binary("bench/stream/stream"), "--target", f"127.0.0.1:{self.server.port}",
             "--url", url, "--bytes", str(size), *(["--up"] if up else [])],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=load.LOAD_PATIENCE)
        if done.returncode != 0:
            raise BenchError(f"{self.title}: {done.stderr[-500:]}")
        return json.loads(done.stdout)["seconds"]


class Proxied:
    """nginx as reverse proxy, under curl."""

    key, title = "nginx", "curl through nginx"

    def __init__(self, server):
        self.server = server

    def carry(self, _url, path, size, up):
        """Seconds for one body."""
        there = f"http://127.0.0.1:{self.server.port}{path}"
        command = ["curl", "-sS", "--fail", "-o", "/dev/null", "-w",
                   "%{time_total} %{size_upload} %{size_download}"]
        command += ["-H", "Expect:", "-T", "-", "-H", "Transfer-Encoding:", "-H",
                    f"Content-Length: {size}"] if up else []
        source = None
        if up:
            source = subprocess.Popen(["head", "-c", str(size), "/dev/zero"],
                                      stdout=subprocess.PIPE)
        done = subprocess.run(command + [there], stdin=source.stdout if up else subprocess.DEVNULL,
                              capture_output=True, text=True, check=False,
                              timeout=load.LOAD_PATIENCE)
        if source:
            source.stdout.close()
            source.wait()
        seconds, sent, received = done.stdout.split() if done.stdout else (0, 0, 0)
        if done.returncode != 0 or int(sent if up else received) != size:
            raise BenchError(f"{self.title}: {done.stderr[-500:]} {done.stdout}")
        return float(seconds)


def _carry(rival, origin, sink, size, up):
    """Figures of one body by name."""
    taken = sink.received
    rival.server.reset_peak()
    cpu, ours = rival.server.cpu_seconds(), children_seconds()
    seconds = rival.carry(sink.url if up else f"{origin.url}{size // MIB}m",
                          "/sink" if up else f"/{size // MIB}m", size, up)
    if up and sink.received - taken != size:
        raise BenchError(f"{rival.title}: {sink.received - taken} of {size} bytes arrived")
    return {
        "mib_per_second": size / MIB / seconds,
        "cpu_ms_per_gib": (rival.server.cpu_seconds() - cpu) * 1e3 * 1024 * MIB / size,
        "load_cpu_ms_per_gib": (children_seconds() - ours) * 1e3 * 1024 * MIB / size,
        "peak_bytes": rival.server.peak_bytes(),
    }


def _report(direction, size, rivals, runs, verdicts):
    lines = []
    for rival in rivals:
        middle = {name: table.median([run[name] for run in runs[rival.key][size]])
                  for name in runs[rival.key][size][0]}
        lines.append((rival.title, f"{middle['mib_per_second']:,.0f} MiB/s",
                      f"{middle['cpu_ms_per_gib']:,.0f} ms",
                      f"{middle['load_cpu_ms_per_gib']:,.0f} ms", table.size(middle["peak_bytes"])))
    print(f"{size // MIB} MiB {direction}")
    table.rows(("", "throughput", "CPU/GiB", "load's CPU/GiB", "peak memory"), lines)
    mine = runs["spillway"]
    for over, title, target in (("go", "Go", LEAST_OF_GO), ("nginx", "curl through nginx", None)):
        ratios = [ours["mib_per_second"] / theirs["mib_per_second"]
                  for ours, theirs in zip(mine[size], runs[over][size])]
        verdicts.add(f"throughput / {title}, Stream {direction}", table.median(ratios), target,
                     at_least=True)
    ratios = [ours["cpu_ms_per_gib"] / max(1, theirs["cpu_ms_per_gib"])
              for ours, theirs in zip(mine[size], runs["go"][size])]
    verdicts.add(f"CPU per GiB / Go, Stream {direction}", table.median(ratios), None)
    peaks = {each: max(run["peak_bytes"] for run in mine[each]) for each in (SMALL, size)}
    verdicts.add(f"memory, {size // MIB} MiB / {SMALL // MIB} MiB, Stream {direction}",
                 peaks[size] / peaks[SMALL], MOST_MEMORY)


def stream(options, scratch, verdicts):
    """The section of bench/compare."""
    size = QUICK if options.quick else FULL
    rounds = min(options.rounds, 3) if options.quick else options.rounds
    origin = nginx.Origin(scratch)
    for each in (SMALL, size):
        with open(os.path.join(scratch, "origin", f"{each // MIB}m"), "wb") as out:
            for _ in range(each // MIB):
                out.write(b"spillway" * (MIB // 8))
    sink = Sink()
    go = Server("go-peer", [contenders.build_go_peer()], os.path.join(scratch, "go.log"), True)
    go.await_ready(accepts(go.port))
    rivals = [
        Streamed("spillway", "Spillway Stream", contenders.start_daemon(scratch)),
        Streamed("go", "Go: grpc-go + net/http", go),
        Proxied(nginx.start_flow_proxy(scratch, origin.server.port, sink.port)),
    ]
    detail = {}
    for direction, up in (("down", False), ("up", True)):
        runs = {rival.key: {SMALL: [], size: []} for rival in rivals}
        for turn in range(rounds):
            first = turn % len(rivals)
            for rival in rivals[first:] + rivals[:first]:
                for each in (SMALL, size):
                    runs[rival.key][each].append(_carry(rival, origin, sink, each, up))
        _report(direction, size, rivals, runs, verdicts)
        detail[direction] = runs
    for rival in rivals:
        rival.server.stop()
    sink.stop()
    origin.stop()
    return detail
