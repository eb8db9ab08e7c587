"""The token estimate errs high, and gives way to the real tokenizer."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from ovi_studio.prompt.tokens import TokenCount, clean_text, count_tokens, find_cut
from tests.studio.prompt.strategies import any_texts

COUNTS = json.loads((Path(__file__).parents[2] / "fixtures" / "token_counts.json").read_text())
"""Texts with their counts in two SentencePiece vocabularies, see `prompt/tokens.py`."""


@pytest.mark.parametrize("row", COUNTS, ids=lambda row: row["name"])
def test_the_estimate_errs_high_but_not_wildly(row):
    count = count_tokens(row["text"])
    assert not count.is_exact
    assert 1.1 * row["tokens_262k"] <= count.count <= 2 * row["tokens_262k"]


ENGLISH = [row for row in COUNTS if row["name"] in ("en-1", "en-2", "en-3", "en-4")]


@pytest.mark.parametrize("row", ENGLISH, ids=lambda row: row["name"])
def test_english_is_not_below_a_small_vocabulary_either(row):
    assert row["tokens_32k"] <= count_tokens(row["text"]).count <= 1.3 * row["tokens_32k"]


def test_an_empty_prompt_is_one_token():
    assert count_tokens("") == TokenCount(1, is_exact=False)
    assert count_tokens(" \n") == TokenCount(1, is_exact=False)


def test_text_is_cleaned_before_it_is_counted():
    assert clean_text("  a\n\n&amp;lt;S&amp;gt;\u3000b ") == "a <S> b"
    assert count_tokens("a&amp;lt;b").count == count_tokens("a<b").count


@settings(max_examples=200)
@given(any_texts)
def test_any_text_has_a_count(text):
    assert 1 <= count_tokens(text).count <= 4 * len(text) + 1


def test_the_cut_is_the_first_word_that_does_not_fit():
    text = " ".join(["word"] * 600)
    cut = find_cut(text, 512)
    assert count_tokens(text[:cut]).count <= 512 < count_tokens(text[: cut + 4]).count
    assert text[cut : cut + 4] == "word"
    assert find_cut("a few words", 512) is None


@pytest.fixture
def tokenizer_path(tmp_path):
    """A tokenizer of whole words with a closing token, and the settings that must not count."""
    tokenizers = pytest.importorskip("tokenizers", reason="comes with the extra `engine`")
    vocabulary = {"</s>": 0, "<unk>": 1, "one": 2, "two": 3, "café": 4}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 0)]
    )
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=9)
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def test_the_real_tokenizer_counts_exactly(tokenizer_path):
    assert count_tokens("one two &amp; one  two two", tokenizer_path) == TokenCount(7, True)
    assert count_tokens("\ud800 one", tokenizer_path).count == 3
    assert find_cut("one two one two", 4, tokenizer_path) == len("one two one ")


def test_without_its_file_the_count_is_an_estimate(tmp_path):
    assert not count_tokens("one", tmp_path / "none.json").is_exact


def test_without_its_package_the_count_is_an_estimate(tokenizer_path, monkeypatch):
    from ovi_studio.prompt import tokens

    monkeypatch.setattr(tokens, "find_spec", lambda _: None)
    assert not count_tokens("one", tokenizer_path).is_exact
