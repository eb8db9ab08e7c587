"""What is random in a run, drawn from its seed and the number of the draw alone.

So a run that is resumed, or spread over more processes, sees the data that it would have seen.
"""

import hashlib
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Draw:
    """One forward pass of one process, counted through the whole run."""

    seed: int
    """Of the run."""
    number: int
    """Of this forward pass among those of all processes, from 0."""

    def clip_seeds(self, batch_size: int) -> range:
        """The numbers of the clips in this pass: no two passes share one."""
        return range(self.number * batch_size, (self.number + 1) * batch_size)

    def generator(self, device: torch.device | str, purpose: str) -> torch.Generator:
        """A generator for one purpose; those of two purposes or two draws are unrelated."""
        digest = hashlib.sha256(f"{self.seed}/{self.number}/{purpose}".encode()).digest()
        generator = torch.Generator(device)
        generator.manual_seed(int.from_bytes(digest[:8], "little") >> 1)
        return generator
