"""What keeps other web pages away from a kiosk: host names, headers, and the page's one true address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from yarl import URL

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOOPBACK = "127.0.0.1"
_LOOPBACK_NAMES = {LOOPBACK, "localhost", "::1"}

# Everything comes from this server alone; the WebSocket is nats-server's, on a port of its own.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        f"connect-src 'self' ws://{LOOPBACK}:*",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",  # after an update no kiosk may mix old scripts with new ones
}


@web.middleware
async def loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse any Host that isn't this machine: a name that was pointed here from outside (DNS rebinding).

    A reader who typed `localhost` is sent to the numeric address, the only origin nats-server lets in.
    """
    try:
        host = URL(f"http://{request.headers.get('Host', '')}").host
    except ValueError:
        host = None
    if host not in _LOOPBACK_NAMES:
        raise web.HTTPForbidden(text=f"this kiosk answers at http://{LOOPBACK} only\n")
    if host != LOOPBACK and request.method in ("GET", "HEAD") and request.path != "/healthz":
        raise web.HTTPTemporaryRedirect(request.url.with_host(LOOPBACK))
    return await handler(request)


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Give each response the headers above, except those it has a reason to set itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
