"""An actuator for a test's bench: posts to a virtual kiosk's bench page, as a robot arm would be told by a program.

python -m tests.hil.actuator BENCH_URL PATH FIELD VALUE
"""

from __future__ import annotations

import json
import sys
import urllib.request


def main() -> None:
    """Post one deed."""
    url, path, field, value = sys.argv[1:]
    body = json.dumps({field: value}).encode()
    ask = urllib.request.Request(  # noqa: S310 - an address on loopback that the test made
        f"{url}bench/api/{path}",
        body,
        {"Content-Type": "application/json", "X-Kiosk-Bench": "1"},
    )
    urllib.request.urlopen(ask, timeout=20).close()  # noqa: S310 - as above; what isn't done is raised


if __name__ == "__main__":
    main()
