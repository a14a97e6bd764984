"""The way out for a container's apt."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.request import ProxyHandler, build_opener

import pytest

from proofs.deploy.proxy import proxy


class Archive(BaseHTTPRequestHandler):
    asked: ClassVar[list[tuple[str, str | None]]] = []
    body = b"package" * 100_000

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Host"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def archive() -> Iterator[int]:
    Archive.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Archive) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def fetched(by: int, url: str) -> bytes:
    opener = build_opener(ProxyHandler({"http": f"http://127.0.0.1:{by}"}))
    with opener.open(url, timeout=30) as answer:
        return bytes(answer.read())


def test_it_fetches_what_is_asked_for_whole(archive: int) -> None:
    with proxy("127.0.0.1") as port:
        assert fetched(port, f"http://127.0.0.1:{archive}/pool/a.deb?x=1") == Archive.body
    assert Archive.asked == [("/pool/a.deb?x=1", f"127.0.0.1:{archive}")]


def test_it_asks_this_machines_own_proxy_where_there_is_one(archive: int) -> None:
    with proxy("127.0.0.1", ("127.0.0.1", archive)) as port:
        assert fetched(port, "http://deb.debian.org/debian/a.deb") == Archive.body
    assert Archive.asked == [("http://deb.debian.org/debian/a.deb", "deb.debian.org")]


def test_it_leads_through_to_https(archive: int) -> None:
    with proxy("127.0.0.1") as port, socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(f"CONNECT 127.0.0.1:{archive} HTTP/1.1\r\n\r\n".encode())
        with line.makefile("rwb") as file:
            assert b" 200 " in file.readline()
            assert file.readline() == b"\r\n"
            file.write(b"GET /through HTTP/1.0\r\n\r\n")
            file.flush()
            assert file.read().endswith(Archive.body)


def test_what_can_not_be_reached_is_told(archive: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and doesn't listen
        with proxy("127.0.0.1") as port, socket.create_connection(("127.0.0.1", port), timeout=30) as line:
            line.sendall(f"GET http://127.0.0.1:{taken.getsockname()[1]}/ HTTP/1.1\r\n\r\n".encode())
            assert line.recv(100).startswith(b"HTTP/1.1 502")
    assert Archive.asked == []


def test_it_is_gone_afterwards() -> None:
    with proxy("127.0.0.1") as port:
        pass
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=30).close()
