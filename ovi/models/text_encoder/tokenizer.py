"""Texts to token ids, padded to one length.

Every tokenizer here cleans the text first, ends it with </s>, cuts what is longer than `text_len`
(the </s> stays) and says how long it was. What becomes of that news is the caller's choice.

Shapes: B texts.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import ftfy
import tokenizers
import torch
from torch import Tensor

from ovi.errors import PlacementError, WeightsError

PAD_ID = 0
"""Fills the rows after the text; masked, so its embedding is never read."""

BYTE_VOCAB_SIZE = 384
"""Ids of `ByteTokenizer` (259) rounded up to a multiple of 128."""

_BYTE_END_ID = 1
_BYTE_OFFSET = 3


@dataclass(frozen=True, slots=True, eq=False)
class TokenBatch:
    """Tokens of some texts, all padded to the same length."""

    ids: Tensor
    """(B, text_len) int64, on the CPU."""

    mask: Tensor
    """(B, text_len) bool, true at tokens, false at padding."""

    num_tokens_before_truncation: tuple[int, ...]
    """Tokens of each whole text, </s> included; above text_len where the text was cut."""


class Tokenizer(Protocol):
    """Anything that turns texts into a `TokenBatch`."""

    @property
    def text_len(self) -> int:
        """Tokens to which every text is padded or cut."""
        ...

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """The tokens of each text, cleaned and ended by </s>; an empty text is </s> alone."""
        ...


def clean_text(text: str) -> str:
    """The text as the encoder was trained to see it: mended, unescaped, on one line.

    Mends wrongly decoded characters (ftfy), which also straightens curly quotes and drops
    terminal escapes and control characters; undoes HTML escapes up to twice (&lt;S&gt; becomes
    <S>); turns every run of white space into one blank.
    """
    mended = html.unescape(html.unescape(ftfy.fix_text(text)))
    return re.sub(r"\s+", " ", mended).strip()


@dataclass(frozen=True, slots=True)
class ByteTokenizer:
    """UTF-8 bytes as tokens: needs no files. Id = byte + 3; 0 pads, 1 is </s>, 2 is unused."""

    text_len: int

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """See `Tokenizer.encode`. A cut may fall inside a character."""
        cleaned = (clean_text(text).encode() for text in texts)
        return _pack(
            [[b + _BYTE_OFFSET for b in c] + [_BYTE_END_ID] for c in cleaned], self.text_len
        )


@dataclass(frozen=True, slots=True, eq=False)
class FileTokenizer:
    """A tokenizer whose vocabulary came from a file; made by `load_tokenizer`."""

    vocabulary: tokenizers.Tokenizer
    """Must neither pad nor cut by itself."""

    end_id: int
    """Id of </s>."""

    adds_end: bool
    """The file itself says that </s> ends a text."""

    text_len: int

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """See `Tokenizer.encode`."""
        end = [] if self.adds_end else [self.end_id]
        rows = [[*self.vocabulary.encode(clean_text(text)).ids, *end] for text in texts]
        return _pack(rows, self.text_len)


def load_tokenizer(folder: Path, text_len: int) -> FileTokenizer:
    """The tokenizer in `folder`, from `tokenizer.json` or else `spiece.model`.

    Raises WeightsError if neither is there or the file cannot be used, PlacementError if
    `spiece.model` needs packages that are not installed.
    """
    if (folder / "tokenizer.json").is_file():
        vocabulary = _read_tokenizer_json(folder / "tokenizer.json")
    elif (folder / "spiece.model").is_file():
        vocabulary = _convert_sentencepiece(folder)
    else:
        raise WeightsError(
            f"No tokenizer in {folder}: neither tokenizer.json nor spiece.model is there. "
            f"Download the text encoder's files again, or check the checkpoint folder."
        )
    end_id = vocabulary.token_to_id("</s>")
    if end_id is None:
        raise WeightsError(
            f"The tokenizer in {folder} has no </s> token, so it is not a umT5 tokenizer. "
            f"Download it again."
        )
    # A file may carry the padding and the limit of whoever saved it.
    vocabulary.no_padding()
    vocabulary.no_truncation()
    adds_end = vocabulary.encode("").ids == [end_id]
    return FileTokenizer(vocabulary, end_id, adds_end, text_len)


def _read_tokenizer_json(path: Path) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises nothing narrower
        raise WeightsError(f"{path} cannot be read ({error}). Download it again.") from error


def _convert_sentencepiece(folder: Path) -> tokenizers.Tokenizer:
    """The vocabulary of `spiece.model`, converted by transformers."""
    try:
        for needed in ("sentencepiece", "google.protobuf"):  # transformers' message omits them
            import_module(needed)
        auto_tokenizer = import_module("transformers").AutoTokenizer
    except ImportError as error:
        raise PlacementError(
            f"The tokenizer in {folder} is only there as spiece.model, which takes more "
            f'packages to read ({error}): pip install "ovi-studio[image]"'
        ) from error
    try:
        converted = auto_tokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{folder / 'spiece.model'} cannot be used ({error}). Download the whole folder again."
        ) from error
    vocabulary: tokenizers.Tokenizer = converted.backend_tokenizer
    return vocabulary


def _pack(rows: Sequence[Sequence[int]], text_len: int) -> TokenBatch:
    """Rows of ids, each ended by </s>, cut and padded to `text_len` >= 1."""
    ids = torch.full((len(rows), text_len), PAD_ID, dtype=torch.int64)
    mask = torch.zeros(len(rows), text_len, dtype=torch.bool)
    for index, row in enumerate(rows):
        kept = row if len(row) <= text_len else [*row[: text_len - 1], row[-1]]
        ids[index, : len(kept)] = torch.tensor(kept)
        mask[index, : len(kept)] = True
    return TokenBatch(ids, mask, tuple(len(row) for row in rows))
