"""Runs what the README tells people to paste: its Python and its Go, as they stand there.

Only the two addresses are replaced, by those of a daemon and of the origin that the README names
(python3 -m http.server). Stubs are generated from the contract by the compilers of Debian; its
grpc-go is older than two names that the README uses, and debian_grpc/ adds these.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROTOS = os.path.join(ROOT, "proto")
DAEMON = os.path.join(ROOT, "server", "spillway")
GRPC_GO = "/usr/share/gocode/src/google.golang.org/grpc"
PATIENCE = 600


def blocks(language):
    """The fenced blocks of a language, in order."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as readme:
        return re.findall(rf"^```{language}\n(.*?)^```$", readme.read(), re.M | re.S)


def run(command, **kwargs):
    """Standard output; fails the test with all there is when the command fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=PATIENCE,
                          **kwargs)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


class Background:
    """A process that says at start where it listens."""

    def __init__(self, command, pattern, **kwargs):
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)
        said = ""
        self.address = None
        for line in self._process.stdout:
            said += line
            match = re.search(pattern, said)
            if match:
                self.address = match.group("address").replace(" port ", ":")
                return
        self.stop()
        raise AssertionError(f"{command[0]} did not start:\n{said}")

    def stop(self):
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE)
        return self._process.returncode


class Readme(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="readme-")
        self.addCleanup(shutil.rmtree, self.folder)
        site = os.path.join(self.folder, "site")
        os.mkdir(site)
        with open(os.path.join(site, "file.txt"), "w", encoding="ascii") as out:
            out.write("hello world\n")
        self.origin = Background(
            ["/usr/bin/python3", "-u", "-m", "http.server", "-p", "HTTP/1.1", "--bind", "127.0.0.1",
             "0"], r"Serving HTTP on (?P<address>127\.0\.0\.1 port \d+)", cwd=site)
        self.addCleanup(self.origin.stop)
        self.daemon = Background(
            [DAEMON, "--grpc_listen=127.0.0.1:0", "--http_listen=127.0.0.1:0",
             f"--admin_listen=unix:{self.folder}/admin"],
            r"(?s)service=grpc address=(?P<address>127\.0\.0\.1:\d+).*ready")

    def tearDown(self):
        self.assertEqual(self.daemon.stop(), 0, "the daemon ends in order")

    def write(self, path, text):
        """A file of the text with the addresses of this test."""
        for theirs, ours in (("127.0.0.1:50051", self.daemon.address),
                             ("127.0.0.1:8000", self.origin.address)):
            self.assertIn(theirs, text)
            text = text.replace(theirs, ours)
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def test_python_runs(self):
        run(["/usr/bin/protoc", "-I" + PROTOS, "-I/usr/include", f"--python_out={self.folder}",
             f"--grpc_python_out={self.folder}",
             "--plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin",
             "spillway/v1/egress.proto", "google/rpc/status.proto"])
        pasted = blocks("python")
        self.assertEqual(len(pasted), 3, "RoundTrip, Stream and Multiplex")
        program = self.write("pasted.py", "\n".join(pasted))
        said = run(["/usr/bin/python3", program],
                   env=dict(os.environ, PYTHONPATH=self.folder)).splitlines()
        self.assertRegex(said[0], r"^200 \d+ dialled$")
        self.assertRegex(said[1], r"^200 \{'Server': b'SimpleHTTP.*'Content-Length': b'\d+'\}$")
        size = int(re.search(r"'Content-Length': b'(\d+)'", said[1])[1])
        pieces = [line for line in said if line.endswith(" bytes")]
        self.assertEqual(sum(int(line.split()[0]) for line in pieces), size)
        end = 2 + len(pieces)
        self.assertEqual(said[end], "complete")
        self.assertCountEqual(said[end + 1:], [f"{n} 200" for n in range(1, 21)])

    def test_go_runs(self):
        os.mkdir(os.path.join(self.folder, "src"))
        run(["/usr/bin/protoc", "-I" + PROTOS, "-I/usr/include", f"--go_out={self.folder}/src",
             f"--go-grpc_out={self.folder}/src", "--plugin=/usr/bin/protoc-gen-go",
             "--plugin=/usr/bin/protoc-gen-go-grpc", "spillway/v1/egress.proto"])
        pasted = blocks("go")
        self.assertEqual(len(pasted), 1)
        self.write("src/hello/main.go", pasted[0])
        added = {"new_client.go": "new_client.go", "credentials/insecure/insecure.go": "insecure.go"}
        overlay = os.path.join(self.folder, "overlay.json")
        with open(overlay, "w", encoding="utf-8") as out:
            json.dump({"Replace": {os.path.join(GRPC_GO, there): os.path.join(HERE, "debian_grpc", ours)
                                   for there, ours in added.items()}}, out)
        program = os.path.join(self.folder, "hello")
        env = {"PATH": "/usr/bin:/bin", "HOME": self.folder, "GO111MODULE": "off", "GOFLAGS": "",
               "GOPATH": f"{self.folder}:/usr/share/gocode", "GOCACHE": f"{self.folder}/cache",
               "CGO_ENABLED": "0"}
        run(["/usr/bin/go", "build", "-overlay", overlay, "-o", program, "hello"], env=env)
        said = run([program]).splitlines()
        self.assertEqual(said[0], "status 200 0 bytes false")
        self.assertRegex(said[-3], r"^status 0 0 bytes true$")
        self.assertGreater(sum(int(line.split()[2]) for line in said[:-2]), 0, "there was a body")
        self.assertCountEqual(said[-2:], ["1 200 ", "2 404 "])


if __name__ == "__main__":
    unittest.main()
