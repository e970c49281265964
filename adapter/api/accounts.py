"""Who may come in, over the API: console users, API tokens, ONVIF users, and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from adapter.api import schemas, views
from adapter.api.endpoint import Call, Endpoint
from adapter.api.errors import ApiError
from adapter.api.security import SESSIONS
from adapter.store.audit import AuditEntry
from adapter.store.onvif_users import OnvifUser
from adapter.store.tokens import ApiToken
from adapter.store.users import Role, User


def endpoints() -> Sequence[Endpoint]:
    admin = Role.ADMINISTRATOR
    ok, user, onvif = views.Ok, views.UserView, views.OnvifUserView
    one = "/users/{name}"
    return (
        Endpoint(method="GET", path="/me", summary="Who am I", run=_me, answer=dict[str, str]),
        Endpoint(
            method="POST",
            path="/me/password",
            summary="Change the own password",
            run=_own_password,
            body=schemas.OwnPassword,
            answer=ok,
        ),
        Endpoint(method="GET", path="/users", summary="Users", run=_users, role=admin, answer=list[views.UserView]),
        Endpoint(
            method="POST",
            path="/users",
            summary="Add a user, who has to change the password",
            run=_add_user,
            role=admin,
            body=schemas.NewUser,
            answer=user,
            status=201,
        ),
        Endpoint(
            method="PATCH",
            path=one,
            summary="Change role or enable",
            run=_change_user,
            role=admin,
            body=schemas.UserChange,
            answer=ok,
        ),
        Endpoint(
            method="POST",
            path=one + "/password",
            summary="Set a one-time password",
            run=_set_password,
            role=admin,
            body=schemas.NewPassword,
            answer=ok,
        ),
        Endpoint(method="DELETE", path=one, summary="Remove a user", run=_remove_user, role=admin, answer=ok),
        Endpoint(
            method="GET", path="/tokens", summary="API tokens", run=_tokens, role=admin, answer=list[views.TokenView]
        ),
        Endpoint(
            method="POST",
            path="/tokens",
            summary="Make an API token; the answer holds it, once",
            run=_add_token,
            role=admin,
            body=schemas.NewToken,
            answer=views.NewTokenView,
            status=201,
        ),
        Endpoint(
            method="DELETE",
            path="/tokens/{token_id}",
            summary="Revoke a token",
            run=_remove_token,
            role=admin,
            answer=ok,
        ),
        Endpoint(
            method="GET",
            path="/onvif-users",
            summary="Users for VMSs",
            run=_onvif_users,
            role=admin,
            answer=list[views.OnvifUserView],
        ),
        Endpoint(
            method="PUT",
            path="/onvif-users/{name}",
            summary="Add a VMS user or change its password",
            run=_save_onvif_user,
            role=admin,
            body=schemas.OnvifUserBody,
            answer=onvif,
        ),
        Endpoint(
            method="DELETE",
            path="/onvif-users/{name}",
            summary="Remove a VMS user",
            run=_remove_onvif_user,
            role=admin,
            answer=ok,
        ),
        Endpoint(
            method="GET",
            path="/audit",
            summary="Who changed what",
            run=_audit,
            role=admin,
            query=schemas.LimitQuery,
            answer=list[views.AuditView],
        ),
    )


async def _me(call: Call) -> dict[str, str]:
    return {"name": call.identity.name, "role": call.identity.role}


async def _own_password(call: Call) -> views.Ok:
    if call.identity.is_token:
        raise ApiError(403, "forbidden", "A token has no password; sign in as the user.")
    await change_own_password(call, call.body.current, call.body.password)
    return views.Ok()


async def change_own_password(call: Call, current: str, password: str) -> None:
    """Check the current password, set the new one, sign the user out everywhere."""
    users = call.services.store.users
    if await users.check(call.identity.name, current) is None:
        raise ApiError(403, "wrong_password", "The current password is wrong.")
    if current == password:
        raise ApiError(409, "refused", "The new password must differ from the current one.")
    await users.set_password(call.identity.name, password)
    call.request.app[SESSIONS].end_all(call.identity.name)
    await call.audit("user.password", call.identity.name)


async def _users(call: Call) -> Sequence[User]:
    return await call.services.store.users.all()


async def _add_user(call: Call) -> User:
    user = await call.services.store.users.add(call.body.name, call.body.password, call.body.role, now=call.now)
    await call.audit("user.add", user.name, user.role)
    return user


async def _change_user(call: Call) -> views.Ok:
    name = call.path["name"]
    await call.services.store.users.change(name, role=call.body.role, enabled=call.body.enabled)
    call.request.app[SESSIONS].end_all(name)
    await call.audit("user.change", name, f"{call.body.role}, {'enabled' if call.body.enabled else 'disabled'}")
    return views.Ok()


async def _set_password(call: Call) -> views.Ok:
    name = call.path["name"]
    await call.services.store.users.set_password(name, call.body.password, must_change=True)
    call.request.app[SESSIONS].end_all(name)
    await call.audit("user.password", name)
    return views.Ok()


async def _remove_user(call: Call) -> views.Ok:
    name = call.path["name"]
    await call.services.store.users.remove(name)
    call.request.app[SESSIONS].end_all(name)
    await call.audit("user.remove", name)
    return views.Ok()


async def _tokens(call: Call) -> Sequence[ApiToken]:
    return await call.services.store.tokens.all()


async def _add_token(call: Call) -> views.NewTokenView:
    token, text = await call.services.store.tokens.add(
        call.body.name,
        call.body.role,
        created_by=call.identity.actor,
        now=call.now,
        expires_at=call.now + timedelta(days=call.body.days),
    )
    await call.audit("token.add", token.name, token.role)
    return views.NewTokenView(**views.TokenView.model_validate(token).model_dump(), token=text)


async def _remove_token(call: Call) -> views.Ok:
    await call.services.store.tokens.remove(call.path["token_id"])
    await call.audit("token.remove", call.path["token_id"])
    return views.Ok()


async def _onvif_users(call: Call) -> Sequence[OnvifUser]:
    return await call.services.store.onvif_users.all()


async def _save_onvif_user(call: Call) -> OnvifUser:
    user = OnvifUser(name=call.path["name"], password=call.body.password, level=call.body.level)
    if len(user.name) > 64:
        raise ApiError(422, "invalid", "name: at most 64 characters.")
    await call.services.store.onvif_users.save(user, now=call.now)
    await call.services.server.onvif_users_changed()
    await call.audit("onvif_user.save", user.name, user.level)
    return user


async def _remove_onvif_user(call: Call) -> views.Ok:
    await call.services.store.onvif_users.remove(call.path["name"])
    await call.services.server.onvif_users_changed()
    await call.audit("onvif_user.remove", call.path["name"])
    return views.Ok()


async def _audit(call: Call) -> Sequence[AuditEntry]:
    return await call.services.store.audit.latest(call.query.limit)
