"""Downloading one file from a public https address."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from edge.models.errors import ModelUnavailable
from edge.models.manifest import WebSource
from edge.models.packages import TIMEOUT_S, Transferred

_BLOCK_BYTES = 65_536
_STALLED_S = 30


async def download_file(source: WebSource, folder: Path, limit_bytes: int, transferred: Transferred) -> Path:
    """Download the source's file into `folder`; proxies of the environment are used.

    Raises:
        ModelUnavailable: the address can't be reached or doesn't have it, or it is longer than `limit_bytes`.
    """
    target = folder / "download"
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=_STALLED_S, sock_read=_STALLED_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.get(source.address, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            answer.raise_for_status()
            with target.open("wb") as file:
                done_bytes = 0
                async for block in answer.content.iter_chunked(_BLOCK_BYTES):
                    done_bytes += len(block)
                    if done_bytes > limit_bytes:
                        raise ModelUnavailable(f"{source.address} has more than {limit_bytes} bytes")
                    file.write(block)
                    transferred(done_bytes, answer.content_length or limit_bytes)
    except aiohttp.ClientResponseError as error:
        raise ModelUnavailable(f"{source.address}: HTTP {error.status} {error.message}") from error
    except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
        raise ModelUnavailable(f"{source.address}: {str(error) or type(error).__name__}") from error
    return target
