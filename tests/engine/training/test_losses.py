"""The losses, against what they are by definition."""

import pytest
import torch

from ovi.training.losses import (
    coarse_loss,
    edge_loss,
    noised,
    normal_divergence,
    spectral_loss,
    velocity_loss,
)


def test_edges_do_not_see_a_constant_and_count_every_axis() -> None:
    wanted = torch.zeros(1, 1, 2, 4, 4)
    assert edge_loss(wanted + 0.3, wanted) == 0
    stripe = wanted.clone()
    stripe[..., 2:] = 1.0  # one step in each row, a third of the differences along columns
    assert edge_loss(stripe, wanted).item() == pytest.approx(1 / 3)
    assert edge_loss(stripe.transpose(-1, -2), wanted).item() == pytest.approx(1 / 3)
    late = wanted.clone()
    late[:, :, 1] = 1.0
    assert edge_loss(late, wanted).item() == pytest.approx(1.0)


def test_coarse_pictures_forgive_what_averages_out() -> None:
    checks = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1
    checks = checks.expand(1, 3, 2, 16, 16)
    assert coarse_loss(checks, torch.zeros_like(checks)).item() == pytest.approx(0, abs=1e-6)
    assert coarse_loss(checks + 1, checks).item() == pytest.approx(2)  # one for each factor


def test_spectra_hear_the_level_but_not_the_sign() -> None:
    sine = torch.sin(2 * torch.pi * 440 * torch.arange(8192) / 16000)[None]
    assert spectral_loss(-sine, sine) == 0
    # Half as loud: half the distance, and a logarithm less where there is anything to hear.
    halved = spectral_loss(0.5 * sine, sine).item()
    assert 0.5 < halved < 0.5 + 0.7
    silence = torch.zeros_like(sine)
    assert spectral_loss(silence, silence) == 0
    assert spectral_loss(sine, silence).isfinite()


def test_divergence_is_zero_for_the_standard_normal_alone() -> None:
    zero = torch.zeros(4)
    assert normal_divergence(zero, zero) == 0
    assert normal_divergence(zero + 1, zero).item() == pytest.approx(0.5)
    assert normal_divergence(zero, zero - 1) > 0


def test_velocity_leads_from_clean_to_noise() -> None:
    clean, noise = torch.randn(3, 2, 5), torch.randn(3, 2, 5)
    sigma = torch.tensor([0.0, 0.5, 1.0])
    between = noised(clean, noise, sigma)
    torch.testing.assert_close(between[0], clean[0])
    torch.testing.assert_close(between[2], noise[2])
    step = torch.tensor(0.25)
    torch.testing.assert_close(
        between[1] + 0.25 * (noise - clean)[1], noised(clean, noise, sigma + step)[1]
    )
    assert velocity_loss(noise - clean, clean, noise).tolist() == [0, 0, 0]
    errors = velocity_loss(noise - clean + 2, clean, noise)
    torch.testing.assert_close(errors, torch.full((3,), 4.0))
