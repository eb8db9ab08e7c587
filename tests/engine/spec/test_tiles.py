"""Tiles of a frame: they cover it once, are as few as asked, and nearly equal."""

import pytest

from ovi.errors import RequestError
from ovi.spec.geometry import FrameSize
from ovi.spec.request import VaeTiling
from ovi.spec.tiles import Tile, grid_tiles, plan_tiles

SIZES = [FrameSize(704, 704), FrameSize(704, 1280), FrameSize(32, 1184), FrameSize(128, 128)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("side", [128, 384, 512])
def test_tiles_cover_the_frame_once_and_keep_within_the_side(size: FrameSize, side: int) -> None:
    tiles = plan_tiles(size, VaeTiling(side=side))
    seen = [[0] * (size.width // 16) for _ in range(size.height // 16)]
    for tile in tiles:
        assert max(tile.height, tile.width) <= side
        for row in range(tile.top // 16, tile.bottom // 16):
            for column in range(tile.left // 16, tile.right // 16):
                seen[row][column] += 1
    assert all(count == 1 for row in seen for count in row)
    assert sum(tile.area for tile in tiles) == size.area


def test_tiles_are_as_few_as_possible_and_differ_by_one_latent() -> None:
    tiles = plan_tiles(FrameSize(704, 1280), VaeTiling(side=384))
    assert len(tiles) == 2 * 4
    assert tiles[0] == Tile(0, 0, 352, 320)
    heights = {tile.height for tile in grid_tiles(FrameSize(704, 704), 3, 1)}
    assert heights == {224, 240}


def test_without_tiling_the_tile_is_the_frame() -> None:
    size = FrameSize(704, 1280)
    assert plan_tiles(size, None) == (Tile(0, 0, 704, 1280),)
    assert plan_tiles(FrameSize(128, 128), VaeTiling()) == (Tile(0, 0, 128, 128),)


def test_a_small_frame_has_fewer_tiles_than_the_grid() -> None:
    assert len(grid_tiles(FrameSize(32, 64), 5, 2)) == 2 * 2


@pytest.mark.parametrize("size", [FrameSize(100, 64), FrameSize(64, 65)], ids=str)
def test_frames_without_whole_latents_are_refused(size: FrameSize) -> None:
    with pytest.raises(ValueError, match="cannot be divided"):
        grid_tiles(size, 1, 1)


@pytest.mark.parametrize("side", [96, 130, 0, -384])
def test_sides_that_cannot_be_decoded_are_refused(side: int) -> None:
    with pytest.raises(RequestError, match="128 or more"):
        VaeTiling(side=side)
