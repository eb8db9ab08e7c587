"""Attention backends: equal to the definition where they run, a clear refusal where they cannot."""

import sys
from types import SimpleNamespace

import pytest
import torch

from ovi.errors import PlacementError
from ovi.ops import attention
from ovi.ops.attention import (
    ATTENTION_BACKENDS,
    absent_backends,
    attention_backend,
    available_backends,
    math_attention,
    sdpa_attention,
)


def heads(num_queries, num_keys, head_dim=12, dtype=torch.float32, device="cpu"):
    """Random q (2, Lq, 3, D) and k, v (2, Lk, 3, D)."""
    generator = torch.Generator().manual_seed(num_queries)
    shapes = ((2, num_queries), (2, num_keys), (2, num_keys))
    return [
        torch.randn(*shape, 3, head_dim, generator=generator).to(device, dtype) for shape in shapes
    ]


def test_math_is_the_definition():
    q, k, v = heads(3, 5)
    expected = torch.empty_like(q)
    for sample in range(2):
        for token in range(3):
            for head in range(3):
                logits = k[sample, :, head] @ q[sample, token, head] / 12**0.5
                weights = logits.exp() / logits.exp().sum()
                expected[sample, token, head] = weights @ v[sample, :, head]
    torch.testing.assert_close(math_attention(q, k, v), expected)


@pytest.mark.parametrize(("num_queries", "num_keys"), [(1, 1), (7, 5), (1, 9), (37, 64)])
def test_sdpa_equals_math(num_queries, num_keys):
    q, k, v = heads(num_queries, num_keys)
    torch.testing.assert_close(sdpa_attention(q, k, v), math_attention(q, k, v))


def test_math_rounds_once():
    q, k, v = heads(7, 5, dtype=torch.bfloat16)
    expected = math_attention(q.float(), k.float(), v.float()).bfloat16()
    assert torch.equal(math_attention(q, k, v), expected)


def test_auto_on_a_cpu_is_sdpa():
    assert attention_backend("auto", "cpu") is sdpa_attention
    assert available_backends("cpu") == ("sdpa", "math")


def test_every_backend_is_available_or_absent_for_a_reason():
    absent = absent_backends("cpu")
    assert {*available_backends("cpu"), *absent} == set(ATTENTION_BACKENDS)
    assert all(absent.values())


def test_unknown_backend_is_refused_with_the_known_ones():
    with pytest.raises(PlacementError, match=r"'xformers'.*auto, flash3"):
        attention_backend("xformers", "cpu")


@pytest.mark.parametrize("name", ["flash3", "flash2", "cudnn", "flash"])
def test_backend_that_cannot_run_is_refused_with_the_choices(name):
    with pytest.raises(PlacementError, match=f"'{name}'.*CUDA.*auto, sdpa, math"):
        attention_backend(name, "cpu")


@pytest.fixture
def hopper(monkeypatch):
    """A machine that looks like one with an H100, to whatever only asks about it."""
    monkeypatch.setattr(attention, "_has_kernel", lambda *_: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device=None: (9, 0))


@pytest.mark.usefixtures("hopper")
@pytest.mark.parametrize(
    ("name", "module"), [("flash3", "flash_attn_interface"), ("flash2", "flash_attn")]
)
def test_missing_package_is_named(monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        PlacementError, match=f"install .*{module.replace('_attn', '.attn')}.*missing"
    ):
        attention_backend(name, "cuda")


@pytest.mark.usefixtures("hopper")
@pytest.mark.parametrize(
    ("name", "module", "returns_statistics"),
    [
        ("flash3", "flash_attn_interface", False),
        ("flash3", "flash_attn_interface", True),
        ("flash2", "flash_attn", False),
    ],
)
def test_flash_package_gets_the_scale_and_gives_one_tensor(
    monkeypatch, name, module, returns_statistics
):
    def flash_attn_func(q, k, v, softmax_scale):
        out = math_attention(q * (softmax_scale * q.shape[-1] ** 0.5), k, v)
        return (out, None) if returns_statistics else out

    monkeypatch.setitem(sys.modules, module, SimpleNamespace(flash_attn_func=flash_attn_func))
    q, k, v = heads(7, 5)
    attend = attention_backend(name, "cuda")
    torch.testing.assert_close(attend(q, k, v), math_attention(q, k, v))


@pytest.mark.usefixtures("hopper")
def test_auto_prefers_the_fastest_kernel(monkeypatch):
    for module in ("flash_attn_interface", "flash_attn"):
        monkeypatch.setitem(sys.modules, module, None)
    assert available_backends("cuda") == ("cudnn", "flash", "sdpa", "math")
    assert attention_backend("auto", "cuda") is attention_backend("cudnn", "cuda")
    for module in ("flash_attn_interface", "flash_attn"):
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(flash_attn_func=None))
    assert available_backends("cuda") == ("flash3", "cudnn", "flash2", "flash", "sdpa", "math")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device=None: (8, 0))
    assert available_backends("cuda") == ("flash2", "cudnn", "flash", "sdpa", "math")


@pytest.mark.usefixtures("hopper")
def test_float32_is_left_to_torch():
    assert available_backends("cuda", torch.float32) == ("sdpa", "math")


@pytest.mark.usefixtures("hopper")
def test_flash3_needs_hopper(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device=None: (8, 9))
    with pytest.raises(PlacementError, match=r"compute capability 9.*8\.9"):
        attention_backend("flash3", "cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("num_queries", "num_keys"), [(1, 1), (157, 512), (1, 9), (37, 1001)])
@pytest.mark.parametrize("head_dim", [32, 128])
def test_every_backend_here_equals_math(num_queries, num_keys, head_dim):
    for name in available_backends("cuda"):
        q, k, v = heads(num_queries, num_keys, head_dim, torch.bfloat16, "cuda")
        actual = attention_backend(name, "cuda")(q, k, v)
        torch.testing.assert_close(actual, math_attention(q, k, v), atol=2e-2, rtol=2e-2)
