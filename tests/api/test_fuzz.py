"""Whatever fits the API's own description, and much that does not, gets an answer that the description names."""

from __future__ import annotations

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from plimsoll.api.endpoints import STREAM
from tests.api.conftest import Served

EXAMPLES = int(os.environ.get("PLIMSOLL_FUZZ_REQUESTS", "12"))
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
)


@pytest.fixture(scope="module")
def described(api: Served) -> object:
    schema = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    schema.config.generation = GenerationConfig(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    return schema


# an answer without end has tests of its own
schema = schemathesis.pytest.from_fixture("described").exclude(path=STREAM)


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_is_described(case: schemathesis.Case) -> None:
    case.call_and_validate(checks=CHECKS)
