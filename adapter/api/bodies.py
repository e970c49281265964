"""What a request carries, read within size and time: raw bytes, and the fields of a page's form."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from aiohttp import ClientPayloadError, web

from adapter.api.errors import ApiError

FORM_TYPE = "application/x-www-form-urlencoded"
# The sign-in and password forms are the largest; a page's search travels in the address.
MAX_FORM_BYTES = 64 * 1024
MAX_FIELDS = 50
# Enough for the largest list over a poor line, and no client holds a connection for ever.
BODY_TIMEOUT_S = 60.0

# A body that is cut off, or not what its Content-Encoding says.
_UNREADABLE = (web.RequestPayloadError, ClientPayloadError, ConnectionError)

_FIELDS = web.RequestKey("form fields", dict[str, str])


async def read_body(request: web.Request, limit: int) -> bytes:
    """The whole body; ApiError 413 as soon as it is larger than the limit, 408 and 400 when it never arrives whole."""
    too_large = ApiError(413, "too_large", f"The body is larger than {limit} bytes; send less at once.")
    if (request.content_length or 0) > limit:
        raise too_large
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.content.iter_chunked(64 * 1024):
                content += chunk
                if len(content) > limit:
                    raise too_large
    except TimeoutError as error:
        raise ApiError(
            408, "timeout", f"The body did not arrive within {BODY_TIMEOUT_S:g} s; send it again."
        ) from error
    except _UNREADABLE as error:
        reason = "The body is cut off, or it is not what its Content-Encoding says; send it again."
        raise ApiError(400, "unreadable", reason) from error
    return bytes(content)


def end_broken_body(request: web.Request, response: web.StreamResponse) -> None:
    """Close the connection after the answer when the body cannot be read, whoever noticed it.

    Otherwise aiohttp waits for the rest of it, stumbles over the same error, and logs that as a failure of the server.
    """
    if request.content.exception() is not None:
        request.content.feed_eof()
        response.force_close()


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a form, read once per request; the first of a repeated field counts."""
    if _FIELDS not in request:
        if request.content_type != FORM_TYPE:
            raise ApiError(415, "unsupported_media_type", f"Send the form as {FORM_TYPE}.")
        # The pages are UTF-8, so browsers send nothing else; other programs can be told.
        if (request.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
            raise ApiError(415, "unsupported_media_type", "Send the form in UTF-8.")
        body = await read_body(request, MAX_FORM_BYTES)
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
        except ValueError as error:
            raise ApiError(
                400, "invalid_form", f"The form must be UTF-8 with at most {MAX_FIELDS} fields, percent-encoded."
            ) from error
        request[_FIELDS] = dict(reversed(pairs))
    return request[_FIELDS]
