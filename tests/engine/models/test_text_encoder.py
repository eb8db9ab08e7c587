"""The text encoder and its tokenizers, at toy size and (on the meta device) at full size."""

import json
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest
import tokenizers
import torch
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing

from ovi.errors import PlacementError, WeightsError
from ovi.models.text_encoder.config import UMT5_XXL, TextEncoderConfig
from ovi.models.text_encoder.encode import embed_tokens, encode_texts
from ovi.models.text_encoder.keys import from_published, to_published
from ovi.models.text_encoder.model import TextEncoder
from ovi.models.text_encoder.position import bucket_of
from ovi.models.text_encoder.tokenizer import (
    BYTE_VOCAB_SIZE,
    ByteTokenizer,
    clean_text,
    load_tokenizer,
)

MANIFEST = Path(__file__).parents[2] / "fixtures" / "manifests" / "umt5_xxl_encoder.json"
CPU = torch.device("cpu")
TINY = TextEncoderConfig(
    vocab_size=BYTE_VOCAB_SIZE, dim=24, attention_dim=32, ffn_dim=40, num_heads=4, num_layers=2
)


@pytest.fixture
def encoder() -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(TINY)


# The model.


def test_full_size_names_and_shapes_are_the_published_ones():
    published = json.loads(MANIFEST.read_text())["tensors"]
    with torch.device("meta"):
        state = TextEncoder(UMT5_XXL).state_dict()
    ours = {name: list(t.shape) for name, t in to_published(state, UMT5_XXL).items()}
    assert ours == {name: entry["shape"] for name, entry in published.items()}


def test_published_state_loads_strictly_and_comes_back_unchanged(encoder):
    published = to_published(encoder.state_dict(), TINY)
    assert "blocks.1.ffn.gate.0.weight" in published
    encoder.load_state_dict(from_published(published, TINY), strict=True)
    assert from_published(published, TINY).keys() == encoder.state_dict().keys()


def test_a_name_of_another_model_is_left_for_the_strict_load_to_report(encoder):
    published = to_published(encoder.state_dict(), TINY) | {"blocks.7.odd": torch.zeros(1)}
    with pytest.raises(RuntimeError, match=r"blocks\.7\.odd"):
        encoder.load_state_dict(from_published(published, TINY), strict=True)


def test_a_text_in_a_padded_batch_is_encoded_as_if_alone(encoder):
    batch = ByteTokenizer(text_len=20).encode(["a longer text", "short"])
    together = encoder(batch.ids, batch.mask)
    for row, length in enumerate(batch.mask.sum(1).tolist()):
        ids = batch.ids[row : row + 1, :length]
        alone = encoder(ids, torch.ones_like(ids))
        torch.testing.assert_close(together[row, :length], alone[0], rtol=1e-5, atol=1e-6)


def test_order_of_tokens_matters_only_through_the_position_bias(encoder):
    ids = torch.tensor([[5, 9, 13, 77]])
    mask = torch.ones_like(ids)
    assert not torch.allclose(encoder(ids, mask).flip(1), encoder(ids.flip(1), mask), atol=1e-4)
    for layer in encoder.layers:
        torch.nn.init.zeros_(layer.attention.position_bias.weight)
    torch.testing.assert_close(encoder(ids, mask).flip(1), encoder(ids.flip(1), mask))


def test_every_layer_uses_its_own_position_table(encoder):
    ids = torch.tensor([[5, 9, 13]])
    before = encoder(ids, torch.ones_like(ids))
    with torch.no_grad():
        encoder.layers[1].attention.position_bias.weight.normal_()
    assert not torch.allclose(before, encoder(ids, torch.ones_like(ids)), atol=1e-4)


def test_gradients_reach_every_parameter(encoder):
    batch = ByteTokenizer(text_len=12).encode(["one", "two three"])
    encoder(batch.ids, batch.mask)[batch.mask].pow(2).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_bfloat16_stays_near_float32(encoder):
    batch = ByteTokenizer(text_len=12).encode(["one", "two three"])
    exact = encoder(batch.ids, batch.mask)
    rounded = encoder.bfloat16()(batch.ids, batch.mask)
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - exact).abs().max() < 0.05 * exact.abs().max()


def test_buckets_are_exact_when_near_and_logarithmic_when_far():
    distances = torch.tensor([0, -1, -7, -8, -15, -16, -32, -64, -127, -128, -5000, 1, 8, 500])
    expected = [0, 1, 7, 8, 9, 10, 12, 14, 15, 15, 15, 17, 24, 31]
    assert bucket_of(distances, TINY).tolist() == expected


# From texts to embeddings.


def test_embeddings_are_trimmed_to_their_tokens(encoder):
    embeddings = encode_texts(encoder, ByteTokenizer(text_len=16), ["", "abc", "é"], CPU)
    assert [tuple(e.shape) for e in embeddings] == [(1, 24), (4, 24), (3, 24)]


def test_no_texts_give_no_embeddings(encoder):
    assert encode_texts(encoder, ByteTokenizer(text_len=16), [], CPU) == []


def test_a_cut_text_is_reported(encoder):
    with pytest.warns(UserWarning, match=r"Text 2 of 2 has 11 tokens.*reads 8.*last 3 have"):
        embeddings = encode_texts(encoder, ByteTokenizer(text_len=8), ["ok", "abcdefghij"], CPU)
    assert len(embeddings[1]) == 8


def test_a_text_of_exactly_the_limit_is_not_reported(encoder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode_texts(encoder, ByteTokenizer(text_len=8), ["abcdefg"], CPU)


def test_tokens_outside_the_vocabulary_name_both_files():
    small = TextEncoder(TextEncoderConfig(64, 8, 8, 8, 2, 1))
    batch = ByteTokenizer(text_len=8).encode(["a"])
    with pytest.raises(WeightsError, match=r"token 100.*knows only 64"):
        embed_tokens(small, batch, CPU)


# Tokenizers.


def test_bytes_are_shifted_ended_and_padded():
    batch = ByteTokenizer(text_len=6).encode(["aé"])
    assert batch.ids.tolist() == [[97 + 3, 0xC3 + 3, 0xA9 + 3, 1, 0, 0]]
    assert batch.ids.dtype == torch.int64
    assert batch.mask.tolist() == [[True] * 4 + [False] * 2]
    assert batch.num_tokens_before_truncation == (4,)


def test_bytes_fit_the_toy_vocabulary():
    text = "".join(map(chr, range(32, 0x500))) + "🎬"
    ids = ByteTokenizer(text_len=8000).encode([text]).ids
    assert 200 < ids.max() < BYTE_VOCAB_SIZE


def test_a_long_text_is_cut_before_its_end_token():
    batch = ByteTokenizer(text_len=4).encode(["abcdef"])
    assert batch.ids.tolist() == [[100, 101, 102, 1]]
    assert batch.num_tokens_before_truncation == (7,)


def test_text_is_cleaned_before_it_is_cut_into_tokens():
    messy, clean = "  &lt;S&gt;\n“Hi”  ", '<S> "Hi"'
    assert clean_text(messy) == clean
    tokenizer = ByteTokenizer(text_len=20)
    assert torch.equal(tokenizer.encode([messy]).ids, tokenizer.encode([clean]).ids)


def test_escapes_beside_a_tag_are_undone_twice():
    assert clean_text("<S>&amp;quot;Hi&amp;quot;<E> &amp;amp;lt;") == '<S>"Hi"<E> &lt;'


def test_a_lone_surrogate_does_not_stop_a_render():
    assert ByteTokenizer(text_len=8).encode(["a\ud800"]).num_tokens_before_truncation == (5,)


def unigram(*, adds_end: bool) -> tokenizers.Tokenizer:
    """A small vocabulary of whole words in the form of the published file."""
    pieces = ["<pad>", "</s>", "<unk>", "▁a", "▁man", "▁says", "▁hi"]
    tokenizer = tokenizers.Tokenizer(
        Unigram([(piece, -float(i)) for i, piece in enumerate(pieces)], unk_id=2)
    )
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    if adds_end:
        tokenizer.post_processor = TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", 1)]
        )
    return tokenizer


@pytest.mark.parametrize("adds_end", [True, False])
def test_tokenizer_json_gives_what_its_own_truncation_and_padding_give(tmp_path, adds_end):
    unigram(adds_end=adds_end).save(str(tmp_path / "tokenizer.json"))
    reference = unigram(adds_end=True)
    reference.enable_truncation(5)
    reference.enable_padding(length=5)
    texts = ["", "a man", "a man says hi hi hi"]

    batch = load_tokenizer(tmp_path, text_len=5).encode(texts)

    expected = [reference.encode(text) for text in texts]
    assert batch.ids.tolist() == [e.ids for e in expected]
    assert batch.mask.long().tolist() == [e.attention_mask for e in expected]
    assert batch.num_tokens_before_truncation == (1, 3, 7)


def test_limits_saved_inside_tokenizer_json_are_not_ours(tmp_path):
    saved = unigram(adds_end=True)
    saved.enable_truncation(2)
    saved.enable_padding(length=9)
    saved.save(str(tmp_path / "tokenizer.json"))
    batch = load_tokenizer(tmp_path, text_len=4).encode(["a man says hi"])
    assert batch.ids.tolist() == [[3, 4, 5, 1]]
    assert batch.num_tokens_before_truncation == (5,)


def test_an_empty_tokenizer_folder_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"tokenizer\.json nor spiece\.model") as raised:
        load_tokenizer(tmp_path / "umt5", text_len=8)
    assert str(tmp_path / "umt5") in str(raised.value)


def test_a_damaged_tokenizer_json_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(WeightsError, match=r"tokenizer\.json cannot be read"):
        load_tokenizer(tmp_path, text_len=8)


def test_a_tokenizer_without_end_token_is_refused(tmp_path):
    tokenizers.Tokenizer(Unigram([("<unk>", 0.0)], unk_id=0)).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(WeightsError, match="no </s> token"):
        load_tokenizer(tmp_path, text_len=8)


def test_spiece_model_without_its_packages_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "spiece.model").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(PlacementError, match=r'pip install "ovi-studio\[image\]"'):
        load_tokenizer(tmp_path, text_len=8)


def test_spiece_model_goes_through_the_converted_vocabulary(tmp_path, monkeypatch):
    """The conversion itself is transformers' own; a stand-in shows what is made of its result."""
    (tmp_path / "spiece.model").write_bytes(b"")
    asked = []

    class AutoTokenizer:
        backend_tokenizer = unigram(adds_end=True)

        @classmethod
        def from_pretrained(cls, folder, **options):
            asked.append((folder, options))
            return cls

    transformers = ModuleType("transformers")
    transformers.AutoTokenizer = AutoTokenizer
    for name, module in {
        "transformers": transformers,
        "sentencepiece": ModuleType("sentencepiece"),
        "google": ModuleType("google"),
        "google.protobuf": ModuleType("google.protobuf"),
    }.items():
        monkeypatch.setitem(sys.modules, name, module)

    batch = load_tokenizer(tmp_path, text_len=4).encode(["a man"])

    assert batch.ids.tolist() == [[3, 4, 1, 0]]
    assert asked == [(str(tmp_path), {"local_files_only": True})]


def test_real_spiece_model_is_read_by_transformers(tmp_path):
    for package in ("sentencepiece", "google.protobuf", "transformers"):
        pytest.importorskip(package, reason="reading spiece.model takes the extra `image`")
    import sentencepiece

    corpus = tmp_path / "corpus.txt"
    corpus.write_text("a man says hi to a woman\n" * 50)
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(tmp_path / "spiece"),
        vocab_size=30,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "T5Tokenizer", "extra_ids": 0})
    )
    model = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "spiece.model"))

    batch = load_tokenizer(tmp_path, text_len=32).encode(["a man says hi"])

    expected = model.encode("a man says hi", add_eos=True)
    assert batch.ids[0, : len(expected)].tolist() == expected
    assert batch.num_tokens_before_truncation == (len(expected),)
