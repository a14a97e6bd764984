"""The process that has the strip: opens the URL that it is given and does what its standard input says."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Any

from drivers.leds import Leds, open_leds


def say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def failed(error: Exception) -> dict[str, str]:
    return {"error": type(error).__name__, "words": str(error)}


async def answered(leds: Leds, what: str, *args: Any) -> dict[str, object]:
    if what == "state":
        state = await leds.state()
        return {"condition": state.condition, "reason": state.reason, "code": state.code}
    await getattr(leds, what)(*args)
    return {}


async def do(leds: Leds, number: int, what: str, *args: Any) -> None:
    try:
        say(number=number, **await answered(leds, what, *args))
    except Exception as error:
        say(number=number, **failed(error))


async def main(url: str) -> None:
    logging.getLogger("drivers").setLevel(logging.ERROR)
    try:
        leds = open_leds(url)
    except Exception as error:
        say(**failed(error))
        return
    say(count=leds.count)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        while line := await lines.readline():
            tasks.create_task(do(leds, *json.loads(line)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
