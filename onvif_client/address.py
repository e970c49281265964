"""Camera addresses: read what a person typed, and mend what a camera claims about itself."""

from __future__ import annotations

import ipaddress

from yarl import URL

from onvif_client.errors import CameraError

DEVICE_PATH = "/onvif/device_service"


def device_url(address: str) -> URL:
    """The device service address from `192.0.2.10`, `camera:8080`, `fe80::1` or a full URL.

    CameraError says what is wrong with an address that is none. Credentials do not belong in it.
    """
    text = address.strip()
    if "://" not in text:
        text = f"http://{_bracketed(text)}"
    try:
        url = URL(text)
        host, _ = url.host, url.port
        # What the resolver would say much later: parts of 1 to 63 letters.
        (host or "").encode("idna")
    except ValueError as error:
        raise CameraError(
            f"'{address}' is not an address ({error}). Write it like 192.0.2.10 or 192.0.2.10:8080."
        ) from error
    if url.scheme not in ("http", "https") or not host:
        raise CameraError(f"'{address}' is not a camera's http or https address. Write it like http://192.0.2.10:80.")
    if url.user is not None or url.password is not None:
        raise CameraError("Leave user and password out of the camera's address and give them apart.")
    return url if url.path not in ("", "/") else url.with_path(DEVICE_PATH)


def service_url(claimed: str, *, worked: URL) -> URL:
    """A service address as claimed by the camera, at the scheme, host and port that worked.

    Cameras behind a NAT or in a container claim addresses nobody can reach, and after a port change some still claim
    the old port. An empty or unusable claim becomes the address that worked.
    """
    url = _absolute(claimed)
    if url is None or url.scheme not in ("http", "https"):
        return worked
    return url.with_scheme(worked.scheme).with_host(worked.host or "").with_port(worked.port).with_user(None)


def picture_url(claimed: str, *, worked: URL) -> URL | None:
    """A snapshot address; a foreign host is replaced, so that credentials only ever go to the camera itself."""
    url = _absolute(claimed)
    if url is None or url.scheme not in ("http", "https"):
        return None
    url = url.with_user(None)
    # A camera reached by https is never asked by http: that would show the login to the wire.
    at_home = url.host == worked.host and url.scheme == worked.scheme
    return url if at_home else service_url(str(url), worked=worked)


def stream_url(claimed: str, *, worked: URL, rtsp_port: int | None = None) -> URL | None:
    """A stream address at the host that worked. The RTSP port stays as claimed unless `rtsp_port` says otherwise."""
    url = _absolute(claimed)
    if url is None:
        return None
    url = url.with_user(None).with_host(worked.host or "")
    return url.with_port(rtsp_port) if rtsp_port is not None else url


def with_credentials(uri: str, *, user: str, password: str) -> str:
    """The stream address with credentials in it, for a decoder that takes them no other way. Never store or log it."""
    url = URL(uri, encoded=True)
    return str(url.with_user(user).with_password(password)) if user else str(url)


def _absolute(claimed: str) -> URL | None:
    try:
        url = URL(claimed.strip(), encoded=True)
        port_is_readable = url.port is None or url.port > 0
    except ValueError:
        return None
    return url if url.host and port_is_readable else None


def _bracketed(text: str) -> str:
    try:
        return f"[{text}]" if ipaddress.ip_address(text).version == 6 else text
    except ValueError:
        return text
