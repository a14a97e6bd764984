"""The way out for a container's apt: an HTTP proxy on the cable to it, so that this machine needn't route for it.

It runs in threads of this process and is gone with it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from image.archive import apt_options

_HEAD_MOST: Final = 65536
_PIECE: Final = 65536
_TIMEOUT_S: Final = 60.0


def own_proxy() -> tuple[str, int] | None:
    """The proxy that this machine's own apt takes for http."""
    for line in apt_options():
        found = re.match(r'Acquire::http::Proxy "([^"]+)"', line)
        if found:
            address = urlsplit(found[1])
            if address.hostname:
                return address.hostname, address.port or 80
    return None


class _Asked(socketserver.BaseRequestHandler):
    """One connection: one request, and its answer to the end."""

    request: socket.socket
    beyond: tuple[str, int] | None = None

    def handle(self) -> None:
        self.request.settimeout(_TIMEOUT_S)
        head, rest = self._head()
        if not head:
            return
        lines = head.split(b"\r\n")
        method, _, tail = lines[0].partition(b" ")
        target, _, version = tail.rpartition(b" ")
        try:
            there = self._connect(method, target)
        except (OSError, ValueError):
            self.request.sendall(b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return
        with there:
            if method == b"CONNECT" and self.beyond is None:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                if method != b"CONNECT":
                    address = urlsplit(target.decode("ascii"))
                    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
                    asked = target if self.beyond else path.encode("ascii")
                    kept = [each for each in lines[1:] if not each.lower().startswith((b"connection:", b"proxy-"))]
                    lines = [b" ".join((method, asked, version)), *kept, b"Connection: close"]
                there.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
            there.sendall(rest)
            back = threading.Thread(target=_pour, args=(self.request, there), daemon=True)
            back.start()
            _pour(there, self.request)

    def _head(self) -> tuple[bytes, bytes]:
        said = b""
        while b"\r\n\r\n" not in said and len(said) < _HEAD_MOST:
            try:
                piece = self.request.recv(_PIECE)
            except OSError:
                return b"", b""
            if not piece:
                return b"", b""
            said += piece
        head, _, rest = said.partition(b"\r\n\r\n")
        return head, rest

    def _connect(self, method: bytes, target: bytes) -> socket.socket:
        if self.beyond:
            return socket.create_connection(self.beyond, timeout=_TIMEOUT_S)
        address = urlsplit(("//" if method == b"CONNECT" else "") + target.decode("ascii"))
        if not address.hostname:
            raise ValueError(f"no host in {target!r}")
        return socket.create_connection((address.hostname, address.port or 80), timeout=_TIMEOUT_S)


def _pour(source: socket.socket, into: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            into.sendall(piece)
    with contextlib.suppress(OSError):
        into.shutdown(socket.SHUT_WR)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


@contextlib.contextmanager
def proxy(address: str, beyond: tuple[str, int] | None = None) -> Iterator[int]:
    """A proxy that listens at `address`, its port; it asks the proxy `beyond` where there is one.

    Raises:
        OSError: `address` isn't one of this machine's.
    """
    handler = type("_Asked", (_Asked,), {"beyond": beyond})
    with _Server((address, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="proxy for apt", daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
