"""Which rows of a set a filter lets through."""

from collections.abc import Mapping

from ovi_studio.lint.diagnostic import Severity
from ovi_studio.project.delimited import Record
from ovi_studio.project.set_document import SetDocument
from ovi_studio.prompt.prompt_set import IMAGE_COLUMN

HINT = "words, or !error !warning !note"

_SEVERITIES = {"!error": Severity.ERROR, "!warning": Severity.WARNING, "!note": Severity.INFO}


def filter_rows(
    document: SetDocument, wanted: str, severities: Mapping[Record, Severity | None]
) -> list[int]:
    """The rows whose prompt, id or first frame holds all the words, in order.

    `!error` lets through rows with errors, and so on; `severities` is what is known of them.
    """
    terms = wanted.casefold().split()
    words = [term for term in terms if term not in _SEVERITIES]
    worst = {_SEVERITIES[term] for term in terms if term in _SEVERITIES}
    found = []
    for index, row in enumerate(document.rows):
        if worst and severities.get(row.record) not in worst:
            continue
        if words:
            parts = (
                document.row_id(index),
                document.text(index),
                document.cell(index, IMAGE_COLUMN),
            )
            searched = "\n".join(parts).casefold()
            if not all(word in searched for word in words):
                continue
        found.append(index)
    return found
