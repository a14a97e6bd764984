"""The process that has the pins: opens the URL that it is given and does what its standard input says."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from drivers.gpio import PinChange, Pins, open_pins, watched


def say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def failed(error: Exception) -> dict[str, str]:
    return {"error": type(error).__name__, "words": str(error)}


class Work:
    def __init__(self, pins: Pins) -> None:
        self.pins = pins
        self.streams: set[asyncio.Task[None]] = set()

    async def do(self, number: int, what: str, *args: Any) -> None:
        try:
            say(number=number, **await self.answered(what, *args))
        except Exception as error:
            say(number=number, **failed(error))

    async def answered(self, what: str, *args: Any) -> dict[str, object]:
        match what:
            case "state":
                state = await self.pins.state()
                return {"condition": state.condition, "reason": state.reason, "code": state.code}
            case "changes":
                task = asyncio.create_task(self.tell(args[0], self.pins.changes()))
                self.streams.add(task)
            case "set_lamp":
                await self.pins.set_lamp(bool(args[0]))
            case "set_constant":
                name, value = args
                assert hasattr(watched, name)
                setattr(watched, name, value)
            case "folder":
                return {"folder": str(Path.cwd())}
            case "close":
                await self.pins.close()
        return {}

    async def tell(self, stream: int, changes: AsyncIterator[PinChange]) -> None:
        async for change in changes:
            say(stream=stream, end=False, switch=change.switch, active=change.active, at_s=change.at_s)
        say(stream=stream, end=True)


async def main(url: str) -> None:
    logging.getLogger("drivers").setLevel(logging.ERROR)
    try:
        pins = open_pins(url)
    except Exception as error:
        say(**failed(error))
        return
    say()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    work = Work(pins)
    tasks = set()
    while line := await lines.readline():
        tasks.add(task := asyncio.create_task(work.do(*json.loads(line))))
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks, return_exceptions=True)
    await pins.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
