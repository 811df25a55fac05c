"""Servers that a bench starts, watches through /proc and ends by pid."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")
START_PATIENCE = 20.0
STOP_PATIENCE = 30.0


class BenchError(Exception):
    """What makes a figure impossible, in words for the person at the terminal."""


def raise_descriptor_limit():
    """Children inherit it; 10,000 connections need it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url, timeout=5.0):
    """The body of a plain HTTP GET."""
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.read().decode()


def busy_seconds():
    """CPU time that the whole machine has spent on anything."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _, _, irq, softirq, *_ = map(int, stat.readline().split()[1:])
    return (user + nice + system + irq + softirq) / TICKS


def children_seconds():
    """CPU time of child processes that have ended, such as h2load."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Server:
    """A process under test and what /proc says of it."""

    running = []  # newest last; what stop_all ends

    def __init__(self, name, command, log_path, reads_port=False):
        self.name = name
        self._log_path = log_path
        with open(log_path, "wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if reads_port else log,
                stderr=log,
            )
        Server.running.append(self)
        self.pid = self._process.pid
        self.port = None
        if reads_port:
            line = self._process.stdout.readline()
            if not line.strip().isdigit():
                raise BenchError(f"{name} did not start: {self.log_tail()}")
            self.port = int(line)

    def log_tail(self):
        with open(self._log_path, "rb") as log:
            return log.read()[-2000:].decode(errors="replace").strip() or "(it said nothing)"

    def await_ready(self, probe):
        """Waits until probe() is true; says why when the process ended instead."""
        deadline = time.monotonic() + START_PATIENCE
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise BenchError(f"{self.name} ended at start: {self.log_tail()}")
            if probe():
                return self
            time.sleep(0.02)
        raise BenchError(f"{self.name} did not become ready: {self.log_tail()}")

    def cpu_seconds(self):
        """User and system time of all its threads, ended ones included."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            # The command's name may hold blanks and brackets: count from the last one.
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def private_bytes(self):
        """Proportional set size: resident memory without other processes' share of it."""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as rollup:
            for line in rollup:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
        raise BenchError(f"no Pss of {self.name}")

    def reset_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as refs:
            refs.write("5")

    def peak_bytes(self):
        """Largest resident set since reset_peak."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        raise BenchError(f"no VmHWM of {self.name}")

    def stop(self):
        if self in Server.running:
            Server.running.remove(self)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                print(f"{self.name} did not end when told to; killed", file=sys.stderr)
                self._process.kill()
                self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def stop_all():
    """Ends whatever is still running; for the end of a bench, however it came."""
    while Server.running:
        Server.running[-1].stop()


def answers(url):
    """A probe: true once the URL answers 200."""

    def probe():
        try:
            get(url, 1.0)
            return True
        except (OSError, urllib.error.URLError):
            return False

    return probe


def accepts(port):
    """A probe: true once something accepts on the loopback port."""

    def probe():
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return True
        except OSError:
            return False

    return probe
