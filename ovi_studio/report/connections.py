"""How connections to language models look: a line each, with what is missing; JSON."""

from collections.abc import Sequence
from typing import Any

from ovi_studio.actions.connections import SETUP_COMMAND, ConnectionChoice
from ovi_studio.report.plain import printable


def connection_lines(choices: Sequence[ConnectionChoice]) -> str:
    """Every connection in a line or two."""
    if not choices:
        return f"No server is configured. Set one up: {SETUP_COMMAND}"
    return "\n".join(_line(choice) for choice in choices)


def _line(choice: ConnectionChoice) -> str:
    address = choice.connection.address if choice.connection else ""
    said = f"{printable(choice.name)}: {printable(choice.label)}" + (
        f" at {address}" * bool(address)
    )
    return f"{said}\n  {state_line(choice)}" if choice.problem else said


def state_line(choice: ConnectionChoice) -> str:
    """What a connection lacks, and what sets it up; "" if nothing is known to be missing."""
    remedy = f" Set it up: {choice.remedy}" if choice.remedy else ""
    return f"{printable(choice.problem)}{remedy}" if choice.problem else ""


def connection_data(choice: ConnectionChoice) -> dict[str, Any]:
    """A connection as plain JSON values: `name`, `label`, `address`, `problem`, `remedy`."""
    return {
        "name": choice.name,
        "label": choice.label,
        "address": choice.connection.address if choice.connection else None,
        "problem": choice.problem,
        "remedy": choice.remedy,
    }
