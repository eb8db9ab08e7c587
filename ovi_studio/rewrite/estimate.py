"""What a rewrite will probably cost: tokens counted before anything is sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from ovi_studio.rewrite.calling import requests_of
from ovi_studio.rewrite.connection import Connection, ResponseFormat
from ovi_studio.rewrite.order import Task
from ovi_studio.rewrite.request import count_answer, count_request, messages_for, numbered


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost if every answer is accepted at once."""

    num_rows: int
    """Rows to be asked for."""
    num_stored: int
    """Rows whose answers are at hand already."""
    num_requests: int
    input_tokens: int
    output_tokens: int
    price: float | None
    """None: the connection says no prices."""


def estimate_cost(
    tasks: Sequence[Task], num_stored: int, system: str, connection: Connection
) -> Estimate:
    """What asking for these tasks costs."""
    requests = requests_of(tasks, connection.rows_per_request)
    form = connection.response_format or ResponseFormat.JSON_SCHEMA
    input_tokens = output_tokens = 0
    for group in requests:
        asked = numbered([(task, ()) for task in group])
        input_tokens += count_request(messages_for(system, asked, form))
        output_tokens += count_answer(asked)
    return Estimate(
        len(tasks), num_stored, len(requests), input_tokens, output_tokens,
        connection.price_of(input_tokens, output_tokens),
    )  # fmt: skip
