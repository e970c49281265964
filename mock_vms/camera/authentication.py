"""Who is asking: HTTP Digest and WS-UsernameToken put together, as Core 5.9 wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web

from mock_vms.camera.digest import DigestAuthority
from mock_vms.camera.identity import User, UserLevel
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.services.operation import Access, Operation
from mock_vms.camera.soap import Envelope, SoapFault
from mock_vms.camera.times import CameraClock
from mock_vms.camera.wsse import TokenRefused, UsernameTokens
from mock_vms.camera.xml import WSSE

REALM = "virtual-camera"


class CredentialsNeeded(Exception):
    """There are no usable HTTP credentials: answer 401 with a challenge. `stale`: only the nonce was used up."""

    def __init__(self, *, stale: bool = False) -> None:
        super().__init__("HTTP Digest credentials are needed")
        self.stale = stale


class Authentication:
    """The users of one camera and both ways to prove to be one of them.

    `digest` is shared with the snapshot address and the RTSP server, so that one password opens all doors.
    """

    def __init__(self, *, users: Sequence[User], clock: CameraClock, quirks: Quirks) -> None:
        self._levels: Mapping[str, UserLevel] = {user.name: user.level for user in users}
        passwords = {user.name: user.password for user in users}
        self._quirks = quirks
        self._tokens = UsernameTokens(users=passwords, now=clock.now)
        self.digest = DigestAuthority(realm=REALM, users=passwords)
        # RTSP has sessions instead of request counts, and many of its clients know only the older form without qop.
        self.rtsp_digest = DigestAuthority(realm=REALM, users=passwords, qop=False)

    def require(self, operation: Operation, envelope: Envelope, request: web.Request) -> None:
        """Let the request pass, or raise: CredentialsNeeded for 401, a NotAuthorized fault for a bad token.

        PRE_AUTH operations are open even with a wrong token: a client whose clock is off must be able to read ours.
        """
        if operation.access is Access.PRE_AUTH:
            return
        names = [name for name in (self._http_user(request), self._token_user(envelope)) if name is not None]
        if not names:
            if self._quirks.wsse_only:
                raise SoapFault("This camera wants a WS-UsernameToken", "NotAuthorized")
            raise CredentialsNeeded
        if not all(operation.access.allows(self._levels[name]) for name in names):
            raise SoapFault(f"This user may not call a {operation.access.value[0]} operation", "NotAuthorized")

    def require_digest(self, request: web.Request) -> None:
        """For addresses without SOAP, such as the snapshot: Digest or 401."""
        self._digest_user(request, request.headers.get("Authorization"))

    def _http_user(self, request: web.Request) -> str | None:
        """The Digest user. Wrong HTTP credentials are refused even beside a good token: HTTP comes first."""
        header = request.headers.get("Authorization")
        if header is None or self._quirks.wsse_only:
            return None
        return self._digest_user(request, header)

    def _digest_user(self, request: web.Request, header: str | None) -> str:
        user = self.digest.user_of(request.method, request.raw_path, header)
        if user is None:
            raise CredentialsNeeded(stale=self.digest.is_stale(request.method, request.raw_path, header))
        return user

    def _token_user(self, envelope: Envelope) -> str | None:
        security = envelope.header(WSSE, "Security")
        if security is None or self._quirks.digest_only:
            return None
        try:
            return self._tokens.user_of(security)
        except TokenRefused as error:
            raise SoapFault(f"Not authorized: {error}", "NotAuthorized") from error
