"""Each input is encoded once, and what a store hands back is believed only when it can be."""

import contextlib

import pytest
import torch
from safetensors.torch import save

from ovi.encodings import MAX_KEPT, Encoding, Encodings, Expected

EXPECTED = Expected((8, 4))


class MemoryStore:
    """A store that a test can look into and spoil."""

    def __init__(self):
        self.entries = {}
        self.made_under = []

    def read(self, key):
        return self.entries.get(key)

    def write(self, key, data):
        self.entries[key] = data

    @contextlib.contextmanager
    def making(self, keys):
        self.made_under.append(list(keys))
        yield


class Maker:
    """Encodes texts, and counts."""

    def __init__(self):
        self.made = []

    def __call__(self, texts):
        def make(indices):
            self.made += [texts[index] for index in indices]
            return [encoding_of(texts[index]) for index in indices]

        return make


def encoding_of(text):
    return Encoding(torch.full((len(text), 4), float(len(text)), dtype=torch.bfloat16), len(text))


def ask(encodings, maker, *texts):
    return encodings.find_or_make([{"text": text} for text in texts], EXPECTED, maker(texts))


def test_each_text_is_made_once_and_all_new_ones_together():
    encodings, maker = Encodings(), Maker()
    first = ask(encodings, maker, "cat", "no", "no")
    assert maker.made == ["cat", "no"]
    again = ask(encodings, maker, "dog!", "no", "cat")
    assert maker.made == ["cat", "no", "dog!"]
    assert [encoding.num_tokens for encoding in again] == [4, 2, 3]
    assert again[2] is first[0]


def test_another_process_and_another_run_find_what_was_made():
    store, maker = MemoryStore(), Maker()
    (made,) = ask(Encodings(store, {"weights": "a"}), maker, "cat")
    (found,) = ask(Encodings(store, {"weights": "a"}), maker, "cat")
    assert maker.made == ["cat"]
    assert torch.equal(found.tensor, made.tensor)
    assert (found.tensor.dtype, found.num_tokens) == (torch.bfloat16, 3)


@pytest.mark.parametrize("scope", [{"weights": "b"}, {"weights": "a", "device": "other"}])
def test_other_weights_or_another_device_make_anew(scope):
    store, maker = MemoryStore(), Maker()
    ask(Encodings(store, {"weights": "a"}), maker, "cat")
    ask(Encodings(store, scope), maker, "cat")
    assert maker.made == ["cat", "cat"]


def test_without_a_scope_the_store_is_not_touched():
    store, maker = MemoryStore(), Maker()
    ask(Encodings(store), maker, "cat")
    assert store.entries == {}


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"no safetensors",
        save({"tensor": torch.zeros(3, 4)}),
        save({"tensor": torch.zeros(9, 4), "num_tokens": torch.tensor(9)}),
        save({"tensor": torch.zeros(0, 4), "num_tokens": torch.tensor(0)}),
        save({"tensor": torch.zeros(3, 5), "num_tokens": torch.tensor(3)}),
        save({"tensor": torch.zeros(3, 4, 1), "num_tokens": torch.tensor(3)}),
        save({"tensor": torch.zeros(3, 4, dtype=torch.int32), "num_tokens": torch.tensor(3)}),
        save({"tensor": torch.full((3, 4), float("nan")), "num_tokens": torch.tensor(3)}),
        save({"tensor": torch.zeros(3, 4), "num_tokens": torch.zeros(2, 2)}),
    ],
)
def test_what_cannot_be_right_is_made_anew_and_replaced(spoilt):
    store, maker = MemoryStore(), Maker()
    ask(Encodings(store, {}), maker, "cat")
    (key,) = store.entries
    right, store.entries[key] = store.entries[key], spoilt
    (found,) = ask(Encodings(store, {}), maker, "cat")
    assert maker.made == ["cat", "cat"]
    assert torch.equal(found.tensor, encoding_of("cat").tensor)
    assert store.entries[key] == right


def test_what_another_process_made_while_we_waited_is_not_made_again():
    store, maker = MemoryStore(), Maker()
    ask(Encodings(store, {}), maker, "cat")
    entries, store.entries = store.entries, {}

    @contextlib.contextmanager
    def making(_):
        store.entries = entries
        yield

    store.making = making
    ask(Encodings(store, {}), maker, "cat")
    assert maker.made == ["cat"]


def test_memory_keeps_only_the_latest():
    encodings, maker = Encodings(), Maker()
    for number in range(MAX_KEPT + 1):
        encodings.find_or_make([{"n": number}], EXPECTED, lambda _: [encoding_of("cat")])
    ask(encodings, maker, "cat")
    assert len(encodings._kept) == MAX_KEPT
