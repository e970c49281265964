"""The OpenAPI document, generated from the same entries that serve the calls: it cannot say anything else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel, TypeAdapter

from adapter.api.endpoint import PREFIX, Endpoint

_REF = "#/components/schemas/{model}"

_ERROR = {
    "type": "object",
    "required": ["error", "detail"],
    "properties": {
        "error": {"type": "string"},
        "detail": {"type": "string", "description": "A sentence with the cause and the cure."},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


def product_version() -> str:
    """Of the installed package; "0" where there is none."""
    try:
        return version("onvif-lpr")
    except PackageNotFoundError:
        return "0"


def document(endpoints: Sequence[Endpoint], *, version: str) -> dict[str, Any]:
    """OpenAPI 3.1 for all endpoints."""
    schemas: dict[str, Any] = {"Error": _ERROR}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, schemas)
        paths.setdefault(PREFIX + endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "onvif-lpr", "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "onvif_lpr_session"},
            },
        },
        "security": [{"token": []}, {"session": []}],
    }


def _operation(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    name = re.sub(r"[^a-z0-9]+", "_", f"{endpoint.method}{endpoint.path}".lower()).strip("_")
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": endpoint.summary,
        "description": f"Needs the role {endpoint.role}.",
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint, schemas)],
        "responses": {
            str(endpoint.status): {"description": "Done", "content": _answer(endpoint, schemas)},
            "default": {
                "description": "Refused",
                "content": {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}},
            },
        },
    }
    if endpoint.body:
        schema = _schema(TypeAdapter(endpoint.body), schemas, "validation")
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    elif endpoint.raw_body:
        content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in endpoint.raw_kinds}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 200}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]


def _query_parameters(endpoint: Endpoint, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = endpoint.query.model_json_schema(ref_template=_REF, mode="validation")
    schemas.update(schema.get("$defs", {}))
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": one}
        for name, one in schema["properties"].items()
    ]


def _answer(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    if endpoint.answer is None:
        return {endpoint.media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": _schema(TypeAdapter(endpoint.answer), schemas, "serialization")}}


def _schema(adapter: TypeAdapter[BaseModel], schemas: dict[str, Any], mode: Any) -> dict[str, Any]:
    schema = adapter.json_schema(ref_template=_REF, mode=mode)
    schemas.update(schema.pop("$defs", {}))
    title = schema.get("title")
    if title and schema.get("type") == "object":
        schemas[title] = schema
        return {"$ref": _REF.format(model=title)}
    return schema
