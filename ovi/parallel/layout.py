"""Who does what: how one clip's work is divided among the ranks. Plain arithmetic.

The two passes of guidance need each other's results only at the end of a step, so they are divided
first: with an even number of ranks the lower half takes the positive pass, the upper half the
negative one. Inside a half (or among all ranks, if their number is odd) the picture's tokens are
divided, and during its self attention its heads are (Ulysses).
"""

from dataclasses import dataclass
from itertools import accumulate

from ovi.errors import PlacementError

POSITIVE, NEGATIVE = 0, 1
"""The passes of guidance, in the order in which a rank that does both does them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The place of every rank. Raises PlacementError for a division that cannot be."""

    num_ranks: int
    """1 or more."""
    guidance_degree: int
    """2: each half of the ranks does one pass; 1: every rank takes part in both."""

    def __post_init__(self) -> None:
        if self.guidance_degree not in (1, 2) or self.num_ranks % self.guidance_degree:
            raise PlacementError(
                f"{self.num_ranks} ranks cannot share {self.guidance_degree} passes: use 1, or 2 "
                "with an even number of ranks."
            )

    @classmethod
    def of(cls, num_ranks: int) -> "Layout":
        """The fastest layout: whole passes apart before tokens are."""
        return cls(num_ranks, 1 if num_ranks % 2 else 2)

    @property
    def sequence_degree(self) -> int:
        """Ranks that share one pass."""
        return self.num_ranks // self.guidance_degree

    def passes_of(self, rank: int) -> tuple[int, ...]:
        """The passes that a rank takes part in."""
        if self.guidance_degree == 1:
            return (POSITIVE, NEGATIVE)
        return (rank // self.sequence_degree,)

    def peers_of(self, rank: int) -> tuple[int, ...]:
        """The ranks that share a rank's passes, itself included, in the order of their tokens."""
        first = rank - rank % self.sequence_degree
        return tuple(range(first, first + self.sequence_degree))

    def ranks_of(self, which: int) -> tuple[int, ...]:
        """The ranks of one pass, in the order of their tokens."""
        return next(
            self.peers_of(rank) for rank in range(self.num_ranks) if which in self.passes_of(rank)
        )

    def check_heads(self, num_heads: int) -> None:
        """Raises PlacementError if a rank would get no attention head."""
        if self.sequence_degree > num_heads:
            raise PlacementError(
                f"{self.num_ranks} GPUs are too many for a model of {num_heads} attention heads: "
                f"use at most {num_heads * self.guidance_degree}."
            )


def shares(count: int, parts: int) -> tuple[int, ...]:
    """`count` things in `parts` shares as equal as can be, the larger ones first: 7, 3 is 3, 2, 2.

    Unequal shares make padding needless: every count divides among every number of ranks.
    """
    small, larger = divmod(count, parts)
    return tuple(small + (index < larger) for index in range(parts))


def bounds(share_sizes: tuple[int, ...], index: int) -> tuple[int, int]:
    """First and past-the-last thing of one share."""
    stops = (0, *accumulate(share_sizes))
    return stops[index], stops[index + 1]
