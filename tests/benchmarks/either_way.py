"""A rank that exchanges queries, keys and values together when asked by an odd skip layer.

For `parallel_speed.py`: started in place of `ovi.parallel.rank`, and `install` does the same to
the process that is rank 0. A clip with skip layer TOGETHER is computed with one exchange for all
three, any other as the engine does it, with one exchange each.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ovi.parallel import rank, sequence, stages

TOGETHER = -7
"""As a skip layer it skips nothing."""

_is_together = False


def install() -> None:
    """From now on this process listens to the skip layer."""
    usual_velocity, usual_attention = stages.shared_velocity, sequence._attend_to_self

    @contextmanager
    def shared_velocity(*arguments: Any, **options: Any) -> Iterator[Any]:
        global _is_together
        _is_together = arguments[4].skip_layer == TOGETHER
        with usual_velocity(*arguments, **options) as velocity:
            yield velocity

    def attend(attention: Any, attend: Any, share: Any, x: Any, rope: Any) -> Any:
        if not _is_together:
            return usual_attention(attention, attend, share, x, rope)
        q, k, v = attention.queries_keys_values(x, rope)
        return attention.o(sequence._attend_by_heads(attend, share, q, k, v).flatten(2))

    stages.shared_velocity = shared_velocity
    sequence._attend_to_self = attend


if __name__ == "__main__":
    install()
    sys.exit(rank.main(sys.argv[1:]))
