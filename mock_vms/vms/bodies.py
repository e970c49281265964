"""What a request carries, read within size and time. Whatever is wrong with it has a status and a sentence."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import ClientPayloadError, web

from mock_vms.vms.errors import RequestRefused

MAX_BODY = 1_000_000  # an event is a few kilobytes; pictures travel as URLs
BODY_TIMEOUT_S = 15.0
MAX_FIELDS = 10  # the login form has one
_FORM = "application/x-www-form-urlencoded"
# A body that is cut off, or not what its Content-Encoding says.
_UNREADABLE = (web.RequestPayloadError, ClientPayloadError)


async def read_body(request: web.Request) -> bytes:
    """The whole body. Raises RequestRefused."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except TimeoutError as error:
        raise RequestRefused(408, f"The body did not arrive within {BODY_TIMEOUT_S:g} s.") from error
    except web.HTTPRequestEntityTooLarge as error:
        raise RequestRefused(413, f"The body is larger than {MAX_BODY} bytes.") from error
    except _UNREADABLE as error:
        raise RequestRefused(400, "The body is cut off, or it is not what its Content-Encoding says.") from error


async def read_json_object(request: web.Request) -> dict[str, Any]:
    """A JSON object; an empty body is an empty one. Raises RequestRefused."""
    try:
        body = json.loads((await read_body(request)).decode() or "{}")
    except (ValueError, RecursionError) as error:
        raise RequestRefused(400, f"The body is not JSON in UTF-8: {error}.") from error
    if not isinstance(body, dict):
        raise RequestRefused(400, "The body must be a JSON object.")
    return body


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a form. Raises RequestRefused."""
    if request.content_type != _FORM:
        raise RequestRefused(415, f"Send the form as {_FORM}.")
    try:
        pairs = parse_qsl((await read_body(request)).decode(), errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise RequestRefused(400, f"The form must be UTF-8 with at most {MAX_FIELDS} fields.") from error
    return dict(pairs)


def end_broken_body(request: web.Request, response: web.StreamResponse) -> None:
    """Close the connection after the answer when the body cannot be read, whoever noticed it.

    Otherwise aiohttp waits for the rest of it, stumbles over the same error, and logs that as a failure of the server.
    """
    if request.content.exception() is not None:
        request.content.feed_eof()
        response.force_close()
