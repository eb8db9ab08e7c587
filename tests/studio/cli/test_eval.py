"""`ovi eval`: hands its options to the judge and says what it cannot judge."""

from tests.studio.cli.command import ovi


def test_options_reach_the_judge_and_its_exit_code_comes_back(tmp_path):
    done = ovi("eval", "nano", "--clips", "3", folder=tmp_path)
    assert done.returncode == 2
    assert "judge 10 or more" in done.stderr


def test_an_unknown_model_is_named(tmp_path):
    done = ovi("eval", "giant", folder=tmp_path)
    assert done.returncode == 2
    assert "'giant'" in done.stderr
