"""Requests as no honest client makes them: wrong types, halves of characters, charsets and encodings that lie."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from hypothesis import strategies as st

FORM = "application/x-www-form-urlencoded"
# None of these can be looked up or connected to: a fuzz test must not leave this machine.
ODD_ADDRESSES = (
    "rtsp://[::1",
    "http://[::1",
    "http://[zz]/",
    "http://a..b",
    "http://" + "a" * 64 + ".example",
    "http://h:99999",
    "http://h:-1/",
    "rtsp://",
    "http:///x",
    "http://@/",
    "http://u:p@[::1",
    "http://h\x00/",
    "http://\u202e .example/",
    "http://\ud7ff..x/",
    "//x",
    "http:",
    "rtsp://127.0.0.1:1/none",
    "http://127.0.0.1:1",
)
ODD_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "x",
        "unlisted",
        "ABC123",
        "a" * 3000,
        "\x00",
        "\u202e\U0001f697",
        "../../etc/passwd",
        "' OR 1=1 --",
        "%",
        "*?",
    ]
) | st.text(max_size=30)
ODD_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | ODD_TEXTS
    | st.sampled_from(ODD_ADDRESSES)
    | st.sampled_from([10**400, 1e308, "2026-05-04T12:00:00", "9999-12-31T23:59:59-14:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXTS, inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OddRequest:
    """One request; `body` is as it goes over the wire."""

    body: bytes
    headers: Mapping[str, str]


def odd_objects(fields: Sequence[str], values: st.SearchStrategy[object] = ODD_VALUES) -> st.SearchStrategy[bytes]:
    """JSON objects of which most fields exist and few hold what they should."""
    names = st.sampled_from(fields) if fields else ODD_TEXTS
    # `json.dumps` writes NaN and lone surrogates, as careless programs do.
    return st.dictionaries(names | ODD_TEXTS, values, max_size=max(3, len(fields))).map(
        lambda o: json.dumps(o).encode()
    )


def odd_forms(fields: Sequence[str]) -> st.SearchStrategy[bytes]:
    """Forms, well-formed or not."""
    pairs = st.lists(st.tuples(st.sampled_from(fields) | ODD_TEXTS, ODD_TEXTS), max_size=6)
    return pairs.map(lambda p: urlencode(p, errors="surrogatepass").encode()) | st.binary(max_size=60)


@st.composite
def odd_requests(draw: st.DrawFn, bodies: st.SearchStrategy[bytes], kind: str) -> OddRequest:
    """A body under a content type, charset and encoding that may or may not be true."""
    body = draw(
        bodies | st.binary(max_size=60) | st.sampled_from([b"", b"null", b"[]", b"[" * 50_000, b"\xff\xfe{\x00"])
    )
    types = [kind, kind, kind, f"{kind}; charset=nope", f"{kind}; charset=utf-16", "text/plain", "multipart/form-data"]
    headers = {
        "Content-Type": draw(st.sampled_from([*types, "multipart/form-data; boundary=a", ";;;", "a/b; charset"]))
    }
    encoding = draw(st.sampled_from(["", "", "", "gzip", "deflate", "gzip, gzip", "nonsense"]))
    if encoding:
        headers["Content-Encoding"] = encoding
        if encoding == "gzip" and draw(st.booleans()):
            body = gzip.compress(body)
    return OddRequest(body=body, headers=headers)
