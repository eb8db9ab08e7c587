"""Frame sizes: the published choices, and what must hold for any size asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovi.errors import RequestError
from ovi.spec.geometry import (
    PICTURE_AREA,
    PICTURE_STEP,
    SIZE_STEP,
    FrameSize,
    fit_size,
    fit_size_to_image,
    picture_size,
    scale_to_area,
)

AREA_720, AREA_960 = 720 * 720, 960 * 960

sides = st.integers(1, 8192)
areas = st.sampled_from([128 * 128, AREA_720, AREA_960])


@pytest.mark.parametrize(
    ("asked", "area", "expected"),
    [
        ("720x720", AREA_720, "704x704"),  # 22.5 tokens: halves go to the even number
        ("960x512", AREA_720, "992x512"),
        ("448x1120", AREA_720, "448x1152"),
        ("512x992", AREA_720, "512x992"),
        ("704x1280", AREA_960, "704x1280"),
        ("1080x1920", AREA_960, "704x1280"),
        ("1923x1036", AREA_720, "992x512"),  # only when rounded to pixels first
        ("1x1000", AREA_720, "32x22784"),
    ],
)
def test_fit_size_gives_the_published_sizes(asked: str, area: int, expected: str) -> None:
    size = FrameSize.parse(asked)
    assert fit_size(size.height, size.width, area) == FrameSize.parse(expected)


@pytest.mark.parametrize(
    ("picture", "area", "expected"),
    [
        ("720x1280", AREA_720, "544x960"),
        ("300x400", AREA_720, "608x832"),
        ("720x1280", AREA_960, "704x1280"),
        ("720x1280", 6144, "64x96"),
        ("812x71", AREA_960, "3200x288"),  # fewer rows than the ideal
        ("1114x252", AREA_960, "2048x448"),  # more rows than the ideal
    ],
)
def test_fit_size_to_image_gives_the_published_sizes(
    picture: str, area: int, expected: str
) -> None:
    size = FrameSize.parse(picture)
    assert fit_size_to_image(size.height, size.width, area) == FrameSize.parse(expected)


def test_a_drawn_picture_decides_the_size_of_its_clip() -> None:
    picture = picture_size(704, 1280, AREA_960)
    assert (picture.height % PICTURE_STEP, picture.width % PICTURE_STEP) == (0, 0)
    assert fit_size_to_image(picture.height, picture.width, AREA_960) == FrameSize(704, 1312)


@given(sides, sides, areas)
def test_fitted_sides_are_whole_tokens(height: int, width: int, area: int) -> None:
    for size in (fit_size(height, width, area), fit_size_to_image(height, width, area)):
        assert size.height % SIZE_STEP == size.width % SIZE_STEP == 0
        assert min(size.height, size.width) >= SIZE_STEP


@given(st.integers(256, 4096), st.floats(0.4, 2.5), st.sampled_from([AREA_720, AREA_960]))
def test_fitted_sizes_keep_area_and_shape_of_ordinary_pictures(
    height: int, aspect: float, area: int
) -> None:
    width = round(height * aspect)
    for size in (fit_size(height, width, area), fit_size_to_image(height, width, area)):
        assert abs(size.area / area - 1) < 0.08
        assert abs(size.width / size.height / aspect - 1) < 0.08


@given(sides, sides, areas)
def test_an_image_comes_at_least_as_near_to_the_area_as_plain_rounding(
    height: int, width: int, area: int
) -> None:
    plain = scale_to_area(height, width, area, SIZE_STEP)
    assert abs(fit_size_to_image(height, width, area).area - area) <= abs(plain.area - area)


@given(sides, sides, areas)
def test_a_turned_request_gives_the_turned_size(height: int, width: int, area: int) -> None:
    size, turned = fit_size(height, width, area), fit_size(width, height, area)
    assert (size.height, size.width) == (turned.width, turned.height)


@given(sides, sides, areas)
def test_picture_size_is_near_the_image_models_area(height: int, width: int, area: int) -> None:
    size = picture_size(height, width, area)
    assert size.height % PICTURE_STEP == size.width % PICTURE_STEP == 0
    if max(size.height, size.width) < 8 * min(size.height, size.width):
        assert abs(size.area / PICTURE_AREA - 1) < 0.05


@pytest.mark.parametrize("fit", [fit_size, fit_size_to_image, picture_size])
@pytest.mark.parametrize(("height", "width"), [(0, 5), (5, 0), (5, -1), (0, 0)])
def test_a_size_without_area_is_refused(fit, height: int, width: int) -> None:
    with pytest.raises(RequestError, match=f"{height}x{width} has no area"):
        fit(height, width, AREA_720)


@given(sides, sides)
def test_parse_reads_what_str_writes(height: int, width: int) -> None:
    size = FrameSize(height, width)
    assert FrameSize.parse(str(size)) == size


@pytest.mark.parametrize("text", ["704X1280", " 704 x 1280 ", "704×1280"])
def test_parse_accepts_other_spellings(text: str) -> None:
    assert FrameSize.parse(text) == FrameSize(704, 1280)


@pytest.mark.parametrize(
    "text", ["", "704", "704x", "x704", "704x1280x3", "a x b", "7.5x8", "-4x8"]
)
def test_parse_refuses_what_is_no_size(text: str) -> None:
    with pytest.raises(RequestError, match=r"is not a size\. Write height x width"):
        FrameSize.parse(text)


@pytest.mark.parametrize("text", ["0x704", "704x0"])
def test_an_empty_frame_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="cannot be made"):
        FrameSize.parse(text)


def test_latent_shape_is_a_sixteenth_of_each_side() -> None:
    assert FrameSize(704, 1280).latent_shape == (44, 80)
