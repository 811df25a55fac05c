"""Load from h2load, and what it measured."""

import os
import re
import subprocess

from harness.process import BenchError

# What h2load sends over HTTP/2 for every gRPC call, beside the message.
_GRPC_HEADERS = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
LOAD_PATIENCE = 300


class Load:
    """Figures of one h2load run."""

    def __init__(self, requests, seconds, latencies_us, received_bytes):
        self.requests = requests
        self.seconds = seconds
        self.per_second = requests / seconds
        self.received_bytes = received_bytes
        self._latencies = sorted(latencies_us)

    def percentile(self, share):
        """Latency in microseconds that this share of the requests did not exceed."""
        rank = min(len(self._latencies) - 1, int(share * len(self._latencies)))
        return self._latencies[rank]


def run(url, requests, clients, streams, scratch, message=None, http1=False):
    """Sends `requests` and returns a Load; BenchError unless each got HTTP 200.

    A gRPC error is HTTP 200 too: callers hold the count against what the origin served.
    """
    log_path = os.path.join(scratch, "h2load.log")
    if os.path.exists(log_path):
        os.unlink(log_path)  # h2load appends
    command = ["h2load", "-n", str(requests), "-c", str(clients), "-m", str(streams)]
    command += ["-t", "1", f"--log-file={log_path}"]
    if http1:
        command.append("--h1")
    if message is not None:
        message_path = os.path.join(scratch, "message")
        with open(message_path, "wb") as out:
            out.write(message)
        command += _GRPC_HEADERS + ["-d", message_path]
    done = subprocess.run(
        command + [url], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=LOAD_PATIENCE, check=False,
    )
    counts = re.search(r"status codes: (\d+) 2xx", done.stdout)
    finished = re.search(r"finished in ([\d.]+)(us|ms|s|m)", done.stdout)
    traffic = re.search(r"traffic: .* total, .* headers .*, (\S+) \((\d+)\) data", done.stdout)
    if done.returncode != 0 or not counts or not finished or int(counts[1]) != requests:
        raise BenchError(f"h2load failed on {url}:\n{done.stdout[-1500:]}{done.stderr[-500:]}")
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}[finished[2]]
    latencies = []
    with open(log_path, encoding="ascii") as log:
        for line in log:
            latencies.append(int(line.split("\t")[2]))
    return Load(
        requests, float(finished[1]) * unit, latencies, int(traffic[2]) if traffic else 0
    )
