"""The kiosk page and the small web server that gives it out.

The page is itself a client of the bus (decision 9): this server only hands out files.
"""

from edge.frontend.server import Health, Mount, PageConfig, PageServer, make_app

__all__ = ["Health", "Mount", "PageConfig", "PageServer", "make_app"]
