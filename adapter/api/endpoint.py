"""One entry of the API: what it takes, who may call it, what it answers. It serves, checks and documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter

from adapter.api.bodies import read_body
from adapter.api.errors import ApiError
from adapter.api.ports import SERVICES, Services
from adapter.api.security import IDENTITY, Identity
from adapter.store.audit import AuditEntry
from adapter.store.users import Role

PREFIX = "/api/v1"

# The largest JSON body anybody needs: ten thousand entry ids.
MAX_JSON_BYTES = 1024 * 1024

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, parsed and allowed."""

    services: Services
    identity: Identity
    path: dict[str, str]
    query: Any
    body: Any
    request: web.Request

    @property
    def now(self) -> datetime:
        return self.services.clock()

    async def audit(self, action: str, subject: str, detail: str = "") -> None:
        """Remember who did this."""
        entry = AuditEntry(at=self.now, actor=self.identity.actor, action=action, subject=subject, detail=detail)
        await self.services.store.audit.add(entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`run` gives a value of type `answer`, or a response of its own when `answer` is None."""

    method: str
    path: str
    summary: str
    run: Callable[[Call], Awaitable[Any]]
    role: Role = Role.VIEWER
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: Any = None
    status: int = 200
    media_type: str = ""
    """Of a raw request body (imports) when there is no `body`, or of an own response."""
    raw_body: bool = False
    raw_kinds: tuple[str, ...] = ("text/csv", "text/plain")

    def handler(self) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The aiohttp handler. Errors are turned into JSON by the middleware."""
        adapter = TypeAdapter(self.answer) if self.answer is not None else None

        async def handle(request: web.Request) -> web.StreamResponse:
            identity = request[IDENTITY]
            if not identity.role.covers(self.role):
                raise ApiError(403, "forbidden", f"This needs the role {self.role}; you are {identity.role}.")
            call = Call(
                services=request.app[SERVICES],
                identity=identity,
                path=_path_values(request),
                query=self.query.model_validate(_query_values(request)) if self.query else None,
                body=await _json_body(request, self.body) if self.body else None,
                request=request,
            )
            answer = await self.run(call)
            if adapter is None:
                assert isinstance(answer, web.StreamResponse)
                return answer
            content = adapter.dump_json(adapter.validate_python(answer))
            return web.Response(body=content, content_type="application/json", status=self.status)

        return handle


async def _json_body(request: web.Request, model: type[M]) -> M:
    if request.content_type != "application/json":
        raise ApiError(415, "unsupported_media_type", "Send JSON with the header Content-Type: application/json.")
    return model.model_validate_json(await read_body(request, MAX_JSON_BYTES))


def _query_values(request: web.Request) -> dict[str, str]:
    repeated = sorted({key for key in request.query if len(request.query.getall(key)) > 1})
    if repeated:
        raise ApiError(422, "invalid", f"{', '.join(repeated)[:200]}: given more than once.")
    return dict(request.query)


def _path_values(request: web.Request) -> dict[str, str]:
    values = dict(request.match_info)
    for name, value in values.items():
        if len(value) > 200 or not value.isprintable():
            raise ApiError(404, "not_found", f"{name}: there is no such thing.")
    return values
