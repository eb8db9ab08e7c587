"""What a clip takes on 2, 4 and 8 GPUs, computed from what was measured on one and on two.

    python docs/parallel_projection.py docs/parallel_measured.json

The file holds what the modes of `tests/benchmarks/parallel_speed.py` wrote, by mode; `single` ran
once for each variant. Measured and used here, by variant:

- the computing of one rank that has all, half or a quarter of the tokens of a pass (exchanges of
  no duration), and the same pass on one GPU as a render does it;
- a step of two GPUs that share the tokens of both passes, which shows what exchanges add;
- every stage of a clip on one GPU, and of the same clip on two.

Assumed, and so the projection's weak points: GPUs of four or eight send as fast each as those of
two (all are joined to one switch), and what is not divided takes as long as on two.
"""

import json
import sys
from pathlib import Path
from typing import Any

STEPS = 50
PASSES = 59 / 30
"""Of a step, whose negative pass leaves out one of 30 blocks."""

WHOLE_DECODE = 0.013
"""Share of the picture's decoding that every rank repeats: all up to the attention."""

VARIANTS = ("720x720_5s", "960x960_10s")


def main() -> int:
    measured = json.loads(Path(sys.argv[1]).read_text())
    measured["single"] = measured["single_5s"] | measured["single_10s"]
    for variant in VARIANTS:
        sys.stdout.write(f"{variant}, {STEPS} steps: seconds, and times as fast as one GPU\n")
        one = clip(measured, variant, 1)
        for num_gpus in (1, 2, 4, 8):
            found = clip(measured, variant, num_gpus)
            stages = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
            times = one["clip"] / found["clip"]
            sys.stdout.write(f"  {num_gpus} GPUs: {stages}, {times:.2f}x\n")
    return 0


def clip(measured: dict[str, Any], variant: str, num_gpus: int) -> dict[str, float]:
    """Seconds of the parts of a clip."""
    stages = measured["single"][variant]["clip"]
    if num_gpus == 1:
        step, picture = stages["step"], stages["picture"]
    else:
        peers = num_gpus // 2
        step = pass_seconds(measured, variant, peers)
        two = measured["guidance"][variant]["clip"]["picture"]
        # Of the picture, what did not halve on two GPUs is taken not to shrink further.
        fixed = max(2 * two - stages["picture"], WHOLE_DECODE * stages["picture"])
        picture = fixed + (stages["picture"] - fixed) / num_gpus
    rest = stages["text"] + stages["sound"] + stages["finish"]
    return {
        "step": step,
        "denoise": STEPS * step,
        "picture": picture,
        "rest": rest,
        "clip": STEPS * step + picture + rest,
    }


def pass_seconds(measured: dict[str, Any], variant: str, peers: int) -> float:
    """The positive pass of one step, by one of `peers` ranks, exchanges included."""
    computing = float(measured["single"][variant][f"pass_of_{peers}"])
    overhead = float(measured["guidance"][variant]["clip"]["step"]) - float(
        measured["single"][variant]["pass_of_1"]
    )
    return computing + max(overhead, 0.0) + exposed_seconds(measured, variant, peers)


def exposed_seconds(measured: dict[str, Any], variant: str, peers: int) -> float:
    """What exchanges add to a pass, scaled by bytes from what they added on two GPUs."""
    if peers == 1:
        return 0.0
    a_pass = measured["ulysses"][variant]["step"] / PASSES
    on_two = a_pass - measured["single"][variant]["pass_of_2"]
    return max(float(on_two), 0.0) * sent_share(peers) / sent_share(2)


def sent_share(peers: int) -> float:
    """Of all tokens, the share that a rank sends away: its own tokens, for the others' heads."""
    return (peers - 1) / peers**2


if __name__ == "__main__":
    sys.exit(main())
