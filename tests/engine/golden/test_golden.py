"""The engine against numbers recorded from the published one.

Run with `pytest -k golden`; `OVI_GOLDEN_DIR` names another folder of the same kinds. A kind that
is not known, weights that are not there, or a folder without cases fails.
"""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.engine.golden import (
    check_audio,
    check_end_to_end,
    check_fusion,
    check_prep,
    check_solvers,
    check_text_encoder,
    check_video_vae,
)
from tests.engine.golden.cases import Case, golden_dir, read_cases

CHECKS: dict[str, Callable[[Case], None]] = {
    "fusion": check_fusion.check,
    "scheduler": check_solvers.check,
    "vae22_enc": check_video_vae.check,
    "vae22_dec": check_video_vae.check,
    "audio_mel": check_audio.check,
    "audio_vae": check_audio.check,
    "audio_vocoder": check_audio.check,
    "t5": check_text_encoder.check,
    "e2e": check_end_to_end.check,
    "prep_tables": check_prep.check,
    "prep_image": check_prep.check,
}

CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=[case.file for case in CASES])
def test_golden(case: Case) -> None:
    assert case.kind in CHECKS, f"{case.file} is of a kind that no check knows: {case.kind}"
    CHECKS[case.kind](case)


def test_golden_folder_has_cases(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counter(case.kind for case in CASES)
    with capsys.disabled():
        summary = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
        print(f"\ngolden cases in {golden_dir()}: {summary or 'none'}")
    assert CASES, f"{golden_dir() / 'cases.json'} names no case"
