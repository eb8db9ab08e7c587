"""Pictures of every kind that people have, as first frames; and the sentences for the others."""

import io
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile
from PIL.PngImagePlugin import PngInfo

from ovi.errors import FirstFrameError
from ovi.first_frame import prepare_first_frame, read_image
from ovi.image_header import read_image_size
from ovi.spec.geometry import FrameSize

ORIENTATION = 0x0112

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quarters() -> np.ndarray:
    """64 x 96: red, green above; blue, white below."""
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:32, :48], pixels[:32, 48:], pixels[32:, :48], pixels[32:, 48:] = RED, GREEN, BLUE, WHITE
    return pixels


def save(path: Path, pixels: np.ndarray, mode: str | None = None, **options: object) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def png_bytes() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(quarters()).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp", "ppm"])
def test_read_image_gives_the_pixels_of_lossless_formats(tmp_path: Path, ending: str) -> None:
    options = {"lossless": True} if ending == "webp" else {}
    path = save(tmp_path / f"a.{ending}", quarters(), **options)
    image = read_image(path)
    assert image.dtype == np.uint8
    assert np.array_equal(image, quarters())


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("P", "png"), ("P", "gif"), ("CMYK", "tiff"), ("RGBA", "png"), ("RGB", "png")],
)
def test_read_image_converts_other_modes_to_the_same_colours(
    tmp_path: Path, mode: str, ending: str
) -> None:
    image = read_image(save(tmp_path / f"a.{ending}", quarters(), mode))
    assert np.array_equal(image, quarters())


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_read_image_spreads_grey_over_three_channels(tmp_path: Path, mode: str) -> None:
    grey = np.zeros((40, 50, 3), np.uint8)
    grey[:, 25:] = 255
    assert np.array_equal(read_image(save(tmp_path / "a.png", grey, mode)), grey)


def test_read_image_drops_alpha_and_keeps_the_colour_beneath(tmp_path: Path) -> None:
    pixels = np.dstack([quarters(), np.zeros((64, 96), np.uint8)])
    assert np.array_equal(read_image(save(tmp_path / "a.png", pixels)), quarters())


def test_read_image_keeps_the_upper_bits_of_16_bit_grey(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    for ending in ("png", "tiff"):
        image = read_image(save(tmp_path / f"a.{ending}", ramp))
        assert np.array_equal(image, np.repeat((ramp >> 8)[..., None], 3, 2))


def test_read_image_takes_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, BLUE, GREEN)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert np.array_equal(read_image(tmp_path / "a.gif"), np.full((40, 40, 3), RED))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("place", ["jpeg", "tiff", "webp", "png", "png, after the pixels"])
def test_read_image_turns_pictures_the_right_way_up(
    tmp_path: Path, orientation: int, place: str
) -> None:
    # EXIF 2.32, tag 274: at which sides of the upright picture the stored row 0 and column 0 lie.
    upright = quarters()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"a.{place}"
    if place == "png, after the pixels":
        path = save(tmp_path / "a.png", stored)
        whole = path.read_bytes()
        data = exif.tobytes().removeprefix(b"Exif\0\0")
        chunk = len(data).to_bytes(4, "big") + b"eXIf" + data
        chunk += zlib.crc32(b"eXIf" + data).to_bytes(4, "big")
        path.write_bytes(whole[:-12] + chunk + whole[-12:])  # before the IEND chunk
    else:
        save(path, stored, exif=exif, quality=100)
    assert np.abs(read_image(path).astype(int) - upright).mean() < 8
    assert read_image_size(path) == FrameSize(64, 96)


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b""])
def test_broken_exif_is_no_rotation(tmp_path: Path, exif: bytes) -> None:
    path = save(tmp_path / "a.jpg", quarters(), exif=exif)
    assert read_image(path).shape == (64, 96, 3)
    assert read_image_size(path) == FrameSize(64, 96)


def test_an_unreadable_exif_profile_is_no_rotation(tmp_path: Path) -> None:
    text = PngInfo()
    text.add_text("Raw profile type exif", "\nexif\n      4\nnot hexadecimal")
    path = save(tmp_path / "a.png", quarters(), pnginfo=text)
    assert read_image(path).shape == (64, 96, 3)
    assert read_image_size(path) == FrameSize(64, 96)


def test_orientation_out_of_range_is_no_rotation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 9
    assert read_image(save(tmp_path / "a.jpg", quarters(), exif=exif)).shape == (64, 96, 3)


def test_read_image_size_does_not_decode_the_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[object] = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: decoded.append(image))
    for ending in ("png", "jpg", "gif"):
        assert read_image_size(save(tmp_path / f"a.{ending}", quarters())) == FrameSize(64, 96)
    assert decoded == []


def test_a_picture_cut_short_has_a_size_but_no_pixels(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(png_bytes()[:60])
    assert read_image_size(path) == FrameSize(64, 96)
    with pytest.raises(FirstFrameError, match=r"cut\.png is damaged or cut short .* again"):
        read_image(path)


def test_truncated_jpeg_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    path = save(tmp_path / "a.jpg", noise)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(FirstFrameError, match="damaged or cut short"):
        read_image(path)


def make_nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (make_nothing, "There is no picture .* Check the name"),
        (Path.mkdir, "is a folder. Name one picture"),
        (Path.touch, "is not a picture .* Save it as PNG or JPEG"),
        (lambda path: path.write_text("hello" * 100), "is not a picture"),
        (lambda path: save(path, quarters(), format="EPS"), "is not a picture"),
        (lambda path: save(path, quarters()[:31], format="PNG"), "only 31x96 .* at least 32x32"),
        (lambda path: save(path, quarters()[:, :7], format="PNG"), "only 64x7 pixels"),
    ],
    ids=["missing", "folder", "empty", "text", "postscript", "low", "narrow"],
)
def test_unusable_files_are_named_with_a_remedy(tmp_path: Path, make, sentence: str) -> None:
    path = tmp_path / "frame.png"
    make(path)
    for read in (read_image, read_image_size):
        with pytest.raises(FirstFrameError, match=rf"frame\.png.*{sentence}|{sentence}") as caught:
            read(path)
        assert str(path) in str(caught.value)


def test_floating_point_and_32_bit_pictures_are_refused(tmp_path: Path) -> None:
    for samples in (np.ones((40, 40), np.float32), np.full((40, 40), 70_000, np.int32)):
        path = save(tmp_path / "a.tiff", samples)
        with pytest.raises(FirstFrameError, match=r"a\.tiff holds .* 8-bit PNG"):
            read_image(path)


@pytest.mark.parametrize("limit", [3000, 5000], ids=["twice the limit", "just above the limit"])
def test_a_picture_of_too_many_pixels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    path = save(tmp_path / "huge.png", quarters())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    for read in (read_image, read_image_size):
        with pytest.raises(FirstFrameError, match=r"huge\.png has more than .* Save it smaller"):
            read(path)


def test_a_colour_profile_changes_nothing(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = save(tmp_path / "a.png", quarters(), icc_profile=profile)
    assert np.array_equal(read_image(path), quarters())


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_bytes_give_pixels_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    ending = data.draw(st.sampled_from(["png", "jpeg", "gif", "bmp", "tiff", "webp"]))
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    options = {"exif": exif} if ending in ("png", "jpeg", "webp", "tiff") else {}
    Image.fromarray(quarters()).save(buffer, ending, **options)
    damaged = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged[: data.draw(st.integers(1, len(damaged)))])
    try:
        size = read_image_size(path)
        assert read_image(path).shape == (size.height, size.width, 3)
    except FirstFrameError as error:
        sentence = str(error)
    else:
        return
    assert sentence.startswith(str(path))


def test_reading_a_size_costs_neither_torch_nor_numpy(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", quarters())
    program = (
        "import sys; from pathlib import Path; import ovi.image_header as h;"
        "assert 'PIL' not in sys.modules;"
        f"print(h.read_image_size(Path({str(path)!r})));"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("64x96", "")


def test_without_pillow_the_sentence_has_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(FirstFrameError, match=r"needs Pillow\. Run: pip install pillow"):
        read_image_size(tmp_path / "a.png")


def test_prepare_first_frame_scales_bytes_to_plus_minus_one() -> None:
    tensor = prepare_first_frame(quarters(), FrameSize(64, 96))
    assert tensor.shape == (1, 3, 64, 96)
    assert tensor.dtype == torch.float32
    assert tensor[0, :, 0, 0].tolist() == [1, -1, -1]
    assert tensor[0, :, 40, 0].tolist() == [-1, -1, 1]
    grey = prepare_first_frame(np.full((32, 32, 3), 51, np.uint8), FrameSize(32, 32))
    assert torch.allclose(grey, torch.tensor(-0.6))


def test_prepare_first_frame_resizes_without_clamping_the_overshoot() -> None:
    tensor = prepare_first_frame(quarters(), FrameSize(160, 224))
    assert tensor.shape == (1, 3, 160, 224)
    assert 1.05 < float(tensor.max()) < 1.5
    assert -1.5 < float(tensor.min()) < -1.05


def test_prepare_first_frame_reads_four_pixels_a_side_even_when_it_shrinks() -> None:
    lines = np.zeros((256, 256, 3), np.uint8)
    lines[:, 3::8] = lines[:, 4::8] = 255
    tensor = prepare_first_frame(lines, FrameSize(32, 32))
    # Each sample falls between two white columns; their weights are 19/32 each (a = -3/4), so
    # white, 1, becomes 2 * 38/32 - 1. Antialiasing would blend the black ones in: about -0.5.
    assert torch.allclose(tensor[..., 1:-1], torch.tensor(1.375))


def test_prepare_first_frame_takes_any_layout_and_dtype_and_leaves_its_input_alone() -> None:
    image = quarters()
    turned = image[::-1, ::-1]
    for dtype in (torch.float32, torch.bfloat16):
        tensor = prepare_first_frame(turned, FrameSize(64, 96), dtype)
        assert tensor.dtype == dtype
        again = prepare_first_frame(turned.copy(), FrameSize(64, 96), dtype)
        assert torch.equal(tensor, again)
    assert np.array_equal(image, quarters())
