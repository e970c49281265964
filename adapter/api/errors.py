"""Every refusal as JSON: `{"error": code, "detail": a sentence with cause and cure}`, and `fields` that are wrong."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from pydantic import ValidationError

from adapter.api.ports import CameraProblem
from adapter.camera_recognition import SettingsRefused
from adapter.store.errors import Conflict, NotFound, Refused, StoreError
from inference.errors import InferenceError, ModuleError
from inference.snapshots import NoSuchSnapshot, SnapshotsProblem
from rules.alarms import TransitionRefused
from rules.importing import ImportRefused
from rules.match_lists import PatternInvalid


class ApiError(Exception):
    """A refusal with its HTTP status."""

    def __init__(self, status: int, code: str, detail: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = fields

    def response(self) -> web.Response:
        body: dict[str, object] = {"error": self.code, "detail": self.detail}
        if self.fields:
            body["fields"] = dict(self.fields)
        return web.json_response(body, status=self.status)


# What other rooms refuse, and how it is said over HTTP. First match wins.
_STATUSES: tuple[tuple[type[Exception], int, str], ...] = (
    (NotFound, 404, "not_found"),
    (Conflict, 409, "conflict"),
    (Refused, 409, "refused"),
    (TransitionRefused, 409, "refused"),
    (SettingsRefused, 422, "invalid"),
    (PatternInvalid, 422, "invalid"),
    (ImportRefused, 422, "invalid_file"),
    (NoSuchSnapshot, 404, "not_found"),
    (SnapshotsProblem, 422, "invalid_snapshot"),
    (ModuleError, 422, "unknown_module"),
    (InferenceError, 503, "recognition_unavailable"),
    (CameraProblem, 502, "camera_problem"),
    (StoreError, 503, "store_unavailable"),
)

KNOWN_ERRORS: tuple[type[Exception], ...] = (ApiError, ValidationError, *(kind for kind, _, _ in _STATUSES))


def as_api_error(error: Exception) -> ApiError:
    """One of KNOWN_ERRORS as an ApiError."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ValidationError):
        return _invalid(error)
    status, code = next((status, code) for kind, status, code in _STATUSES if isinstance(error, kind))
    return ApiError(status, code, str(error), error.fields if isinstance(error, SettingsRefused) else None)


def _invalid(error: ValidationError) -> ApiError:
    fields = {
        ".".join(str(part) for part in problem["loc"]) or "body": problem["msg"].removeprefix("Value error, ")
        for problem in error.errors(include_url=False, include_input=False, include_context=False)[:20]
    }
    detail = "; ".join(f"{name}: {message}" for name, message in fields.items())
    return ApiError(422, "invalid", f"The request cannot be used. {detail}.", fields)
