"""The HTTP API against requests made up from its own OpenAPI document, right and wrong ones.

Nothing may end in a server's error, every answer has to be one that the document promises, and what
the document forbids has to be refused.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.studio.web.serving import running_server, small_limits

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]

QUIET = {
    "deadline": None, "database": None, "derandomize": True,
    "suppress_health_check": list(HealthCheck),
}  # fmt: skip


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    """The address of a server whose queue takes as much as is thrown at it."""
    folder = tmp_path_factory.mktemp("fuzz")
    with running_server(folder, limits=small_limits(waiting_jobs=10_000)) as running:
        client = running.client()
        client.post("/v1/videos", json={"prompt": "one that is there", "model": "nano"})
        yield f"{running.address}/v1"
        assert client.get("/v1/queue").status_code == 200


@pytest.fixture
def document(fuzzed):
    """The server's own description of itself."""
    return schemathesis.openapi.from_url(f"{fuzzed}/openapi.json")


schema = schemathesis.pytest.from_fixture("document")


@schema.parametrize()
@settings(max_examples=2, **QUIET)
def test_hostile_requests_meet_no_error_of_the_server(case, fuzzed):
    case.call_and_validate(base_url=fuzzed, checks=CHECKS)


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=150, **QUIET)
def test_many_hostile_requests_meet_no_error_of_the_server(case, fuzzed):
    case.call_and_validate(base_url=fuzzed, checks=CHECKS)
