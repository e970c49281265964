"""The two ways into a camera: WS-UsernameToken inside the envelope, HTTP Digest around it (and Basic for snapshots).

aiohttp has a Digest middleware. It reads the first WWW-Authenticate header only, while cameras send one per algorithm
and often Basic first, and it may log in twice per call, while cameras lock accounts. Hence the small one here.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree
from yarl import URL

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
PASSWORD_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
BASE64_BINARY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"

# RFC 7616 in our order of preference; MD5 is what nearly every camera offers.
ALGORITHMS = {"SHA-256": "sha256", "SHA-256-SESS": "sha256", "MD5": "md5", "MD5-SESS": "md5"}

_PAIR = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


def username_token(*, user: str, password: str, created: datetime, nonce: bytes | None = None) -> etree._Element:
    """A wsse:Security header. `created` is the camera's time: cameras refuse tokens from as little as 5 s away.

    Whole seconds and `Z`: some firmwares refuse fractions, others `+00:00`.
    """
    nonce = nonce or os.urandom(16)
    stamp = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    # SHA-1 is what the username token profile prescribes.
    digest = hashlib.sha1(nonce + stamp.encode() + password.encode(), usedforsecurity=False).digest()
    security = etree.Element(f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU})
    token = etree.SubElement(security, f"{{{WSSE}}}UsernameToken")
    etree.SubElement(token, f"{{{WSSE}}}Username").text = user
    etree.SubElement(token, f"{{{WSSE}}}Password", Type=PASSWORD_DIGEST).text = base64.b64encode(digest).decode()
    encoded = etree.SubElement(token, f"{{{WSSE}}}Nonce", EncodingType=BASE64_BINARY)
    encoded.text = base64.b64encode(nonce).decode()
    etree.SubElement(token, f"{{{WSU}}}Created").text = stamp
    return security


def basic_header(*, user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def offers_basic(challenges: tuple[str, ...]) -> bool:
    return any(each.strip().lower().startswith("basic") for each in challenges)


@dataclass(slots=True, kw_only=True)
class DigestLogin:
    """One Digest challenge and the answers to it; `header` counts the uses of its nonce."""

    realm: str
    nonce: str
    algorithm: str
    qop: bool
    opaque: str | None
    uses: int = 0

    @classmethod
    def from_challenges(cls, challenges: tuple[str, ...]) -> DigestLogin | None:
        """The best Digest challenge among the WWW-Authenticate headers, None when there is none we can answer."""
        found = [login for each in challenges if (login := cls._from_challenge(each)) is not None]
        order = list(ALGORITHMS)
        return min(found, key=lambda login: order.index(login.algorithm.upper()), default=None)

    @classmethod
    def _from_challenge(cls, challenge: str) -> DigestLogin | None:
        # A header may hold several schemes; the Digest part starts at its name.
        start = challenge.lower().find("digest ")
        if start < 0:
            return None
        pairs = {name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(challenge[start + 7 :])}
        algorithm = pairs.get("algorithm", "MD5")
        qops = {each.strip().lower() for each in pairs.get("qop", "").split(",") if each.strip()}
        if not pairs.get("nonce") or algorithm.upper() not in ALGORITHMS or (qops and "auth" not in qops):
            return None
        return cls(
            realm=pairs.get("realm", ""),
            nonce=pairs["nonce"],
            algorithm=algorithm,
            qop="auth" in qops,
            opaque=pairs.get("opaque"),
        )

    def header(self, *, method: str, url: URL, user: str, password: str, cnonce: str | None = None) -> str:
        """The Authorization header of the next request."""
        self.uses += 1
        cnonce = cnonce or os.urandom(8).hex()
        count = f"{self.uses:08x}"
        secret = self._hash(f"{user}:{self.realm}:{password}")
        if self.algorithm.upper().endswith("-SESS"):
            secret = self._hash(f"{secret}:{self.nonce}:{cnonce}")
        request = self._hash(f"{method}:{url.raw_path_qs}")
        middle = f"{self.nonce}:{count}:{cnonce}:auth" if self.qop else self.nonce
        fields = [
            f'username="{_quoted(user)}"',
            f'realm="{self.realm}"',
            f'nonce="{self.nonce}"',
            f'uri="{url.raw_path_qs}"',
            f'response="{self._hash(f"{secret}:{middle}:{request}")}"',
            f"algorithm={self.algorithm}",
        ]
        if self.qop:
            fields += ["qop=auth", f"nc={count}", f'cnonce="{cnonce}"']
        if self.opaque is not None:
            fields.append(f'opaque="{self.opaque}"')
        return "Digest " + ", ".join(fields)

    def _hash(self, value: str) -> str:
        name = ALGORITHMS[self.algorithm.upper()]
        return hashlib.new(name, value.encode(), usedforsecurity=False).hexdigest()


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
