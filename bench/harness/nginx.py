"""nginx as origin and as proxy, each with a configuration and folder of its own."""

import os
import re
import socket

from harness.process import Server, accepts, free_port, get

# One process each: its CPU time is all there is, and nothing is shared between roles.
_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections {connections}; multi_accept on; }}
http {{
  access_log off;
  default_type text/plain;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  client_max_body_size 128m;
  client_body_buffer_size 16m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{http}
}}
"""

_ORIGIN = """
  sendfile on;
  server {{
    listen 127.0.0.1:{port} backlog=16384;
    location = / {{ return 200 "hello world\\n"; }}
    location = /large {{ alias {folder}/large; }}
    location ~ ^/[0-9]+m$ {{ root {folder}; }}
    location = /status {{ stub_status; }}
  }}
"""

# The counts come over a port of their own, in clear text.
_TLS_ORIGIN = """
  ssl_certificate {keys}/tls.pem;
  ssl_certificate_key {keys}/tls.key;
  ssl_session_ticket_key {keys}/ticket.key;
  ssl_session_cache off;
  server {{
    listen 127.0.0.1:{port} ssl{http2} backlog=16384;
    location = / {{ return 200 "hello world\\n"; }}
    location = /slow {{ proxy_pass http://127.0.0.1:{hole}; proxy_read_timeout 1h; }}
  }}
  server {{
    listen 127.0.0.1:{status};
    location = /status {{ stub_status; }}
  }}
"""

_PROXY = """
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 1024; keepalive_requests 1000000000;
                     keepalive_timeout 1h; }}
  server {{
    listen 127.0.0.1:{port} backlog=16384;
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
"""


# Bodies pass as they come; nothing of them goes to disk.
_FLOW_PROXY = """
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_max_temp_file_size 0;
    proxy_request_buffering off;
    location / {{ proxy_pass http://127.0.0.1:{origin}; }}
    location = /sink {{ proxy_pass http://127.0.0.1:{sink}; }}
  }}
"""


def _start(name, scratch, http, port):
    folder = os.path.join(scratch, name)
    os.makedirs(folder, exist_ok=True)
    config = os.path.join(folder, "nginx.conf")
    with open(config, "w", encoding="ascii") as out:
        out.write(_CONFIG.format(folder=folder, connections=15000, http=http))
    server = Server(name, ["nginx", "-p", folder, "-c", config], os.path.join(folder, "log"))
    server.port = port
    return server.await_ready(accepts(port))


class Origin:
    """Answers every GET of / with twelve bytes and counts connections and requests."""

    def __init__(self, scratch, large_bytes=0):
        port = free_port()
        folder = os.path.join(scratch, "origin")
        os.makedirs(folder, exist_ok=True)
        if large_bytes:
            with open(os.path.join(folder, "large"), "wb") as out:
                out.write(b"spillway" * (large_bytes // 8))
        self.server = _start("origin", scratch, _ORIGIN.format(port=port, folder=folder), port)
        self.url = f"http://127.0.0.1:{port}/"

    def counts(self):
        """(connections, requests) so far, without those of the asking itself."""
        text = get(self.url + "status")
        accepted, _, requests = map(int, re.search(r"(\d+) (\d+) (\d+) ", text).groups())
        self._asked = getattr(self, "_asked", 0) + 1
        return accepted - self._asked, requests - self._asked

    def stop(self):
        self.server.stop()


class TlsOrigin:
    """The same over TLS; `keys` holds tls.pem, tls.key and ticket.key. /slow never answers."""

    def __init__(self, folder, keys, http2):
        os.makedirs(folder, exist_ok=True)
        self._folder = folder
        self._port, self._status = free_port(), free_port()
        self._hole = socket.create_server(("127.0.0.1", 0), backlog=16384)
        self._http = _TLS_ORIGIN.format(
            keys=keys, port=self._port, status=self._status, http2=" http2" if http2 else "",
            hole=self._hole.getsockname()[1])
        self._asked = 0
        self.url = f"https://127.0.0.1:{self._port}/"
        self.server = _start("tls-origin", folder, self._http, self._port)
        self._asked_at_start()

    def _asked_at_start(self):
        # The probe that waits for the port counts as a connection as well.
        self._base = self._read()

    def _read(self):
        text = get(f"http://127.0.0.1:{self._status}/status")
        accepted, _, requests = map(int, re.search(r"(\d+) (\d+) (\d+) ", text).groups())
        self._asked += 1
        return accepted - self._asked, requests - self._asked

    def counts(self):
        """(connections, requests) since it started, without those of the asking itself."""
        accepted, requests = self._read()
        return accepted - self._base[0], requests - self._base[1]

    def restart(self):
        self.server.stop()
        self.server = _start("tls-origin", self._folder, self._http, self._port)
        self._asked = 0
        self._asked_at_start()

    def stop(self):
        self.server.stop()
        self._hole.close()


def start_proxy(scratch, origin_port):
    port = free_port()
    return _start("nginx-proxy", scratch, _PROXY.format(port=port, origin=origin_port), port)


def start_flow_proxy(scratch, origin_port, sink_port):
    """Hands large bodies on: downloads from the origin, PUTs of /sink to the sink."""
    port = free_port()
    http = _FLOW_PROXY.format(port=port, origin=origin_port, sink=sink_port)
    return _start("nginx-flow", scratch, http, port)
