"""The OpenAPI 3.1 description, made from the endpoints and their models."""

from functools import cache
from typing import Any

from pydantic.json_schema import models_json_schema

from plimsoll.api import models, parameters
from plimsoll.api.endpoints import ENDPOINTS, STREAM, Endpoint

TEMPLATE = "#/components/schemas/{model}"
ABOUT = """Everything that happened on the exchange, told from its events alone.

Whole numbers that may exceed 2^53 are decimal strings. *Wad*: times 10^18 (prices in USD, units, shares of one).
*Cash*: base units of the collateral, whose decimals `/v1/status` gives. Lists come newest first: pass `next` as
`before` for the next page. Answers carry an ETag that changes with the last block; `If-None-Match` gets 304 for the
price of one read. After a reorganisation ids may name other events: `/v1/stream` tells."""
STREAM_ABOUT = """Server-sent events: each event of the exchange as it is indexed, `id` its place, `event` its name,
`data` as in `/v1/events`. `Last-Event-ID` resumes without a gap. `event: reorg` with `{"block": n}` says that
everything after block n is undone; what replaced it follows. A chain that was started anew is a reorganisation back to
block 0. Comment lines keep the connection open."""
TEXT = {"schema": {"type": "string"}}


def _parameters(query: type[parameters.Query], in_path: set[str]) -> list[dict[str, Any]]:
    described = query.model_json_schema(mode="validation")
    required = set(described.get("required", ()))
    found = []
    for name, schema in described.get("properties", {}).items():
        place = "path" if name in in_path else "query"
        text = schema.pop("description", "")
        schema.pop("title", None)
        if "anyOf" in schema:  # null stands for a parameter that is left out
            options = [option for option in schema.pop("anyOf") if option != {"type": "null"}]
            schema = {**schema, **(options[0] if len(options) == 1 else {"anyOf": options})}
            schema.pop("default", None)
        found.append(
            {"name": name, "in": place, "required": place == "path" or name in required, "schema": schema}
            | ({"description": text} if text else {})
        )
    return found


def _failure(text: str) -> dict[str, Any]:
    schema = {"$ref": TEMPLATE.format(model="Error")}
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _operation(endpoint: Endpoint, reference: dict[str, Any]) -> dict[str, Any]:
    content = (
        {"text/csv": {"schema": {"type": "string"}}} if endpoint.csv else {"application/json": {"schema": reference}}
    )
    text = " ".join((endpoint.read.__doc__ or "").split())
    return {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": text.partition(".")[0],
        "description": text,
        "parameters": _parameters(endpoint.query, endpoint.in_path),
        "responses": {
            "200": {"description": "found", "content": content},
            "304": {"description": "not changed since the ETag that was given"},
            "400": _failure("a parameter is wrong"),
            "404": _failure("there is no such thing"),
        },
    }


def _stream() -> dict[str, Any]:
    return {
        "operationId": "v1_stream",
        "tags": ["index"],
        "summary": "Events as they are indexed",
        "description": " ".join(STREAM_ABOUT.split()),
        "parameters": _parameters(parameters.StreamQuery, set()),
        "responses": {
            "200": {"description": "a stream without end", "content": {"text/event-stream": TEXT}},
            "400": _failure("a parameter is wrong"),
            "404": _failure("there is no such market"),
        },
    }


@cache
def description() -> dict[str, Any]:
    """The whole document."""
    answers = list(dict.fromkeys([endpoint.answer for endpoint in ENDPOINTS] + [models.Error]))
    pairs = [(answer, "serialization") for answer in answers]
    references, schemas = models_json_schema(pairs, ref_template=TEMPLATE)  # type: ignore[arg-type]
    paths: dict[str, Any] = {
        endpoint.path: {"get": _operation(endpoint, references[endpoint.answer, "serialization"])}
        for endpoint in ENDPOINTS
    }
    paths[STREAM] = {"get": _stream()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Plimsoll", "version": "1", "description": ABOUT, "license": {"name": "AGPL-3.0-only"}},
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }
