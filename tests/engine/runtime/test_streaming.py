"""Slots: the right values in the right order, each block sent once, and ahead of its use."""

import random
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from ovi.runtime.parcel import Parcel
from ovi.runtime.streaming import BlockStream, send_at_once

CPU = torch.device("cpu")


class Recorder:
    """Sends parcels, and remembers which and whereto."""

    def __init__(self, parcels: Sequence[Parcel]) -> None:
        self.numbers = {id(parcel): number for number, parcel in enumerate(parcels)}
        self.sent: list[int] = []
        self.targets: list[int] = []
        self.fails_at: int | None = None

    def send(self, parcel: Parcel, target: Tensor) -> None:
        number = self.numbers[id(parcel)]
        self.sent.append(number)
        self.targets.append(target.data_ptr())
        if self.fails_at == number:
            self.fails_at = None
            target.fill_(255)  # half of it has come
            raise OSError("the disk went away")
        send_at_once(parcel, target)


def make_blocks(count: int, width: int = 8) -> tuple[list[nn.Linear], list[Parcel]]:
    """Layers whose weights are their numbers, parked in flat buffers."""
    blocks = [nn.Linear(width, width).requires_grad_(False) for _ in range(count)]
    for number, block in enumerate(blocks):
        block.weight.fill_(number)
        block.bias.fill_(number)
    parcels = [Parcel([block]) for block in blocks]
    for parcel in parcels:
        parcel.move_into(torch.empty(parcel.nbytes, dtype=torch.uint8))
    return blocks, parcels


def use_all(stream: BlockStream, blocks: Sequence[nn.Linear], order: Sequence[int]) -> None:
    for number in order:
        with stream.use(number):
            assert (blocks[number].weight == number).all()
            assert (blocks[number].bias == number).all()


@pytest.mark.parametrize("reads_ahead", [False, True])
def test_blocks_have_their_values_whatever_the_order(reads_ahead: bool) -> None:
    chance = random.Random(0)
    for count in (1, 2, 3, 5):
        for num_slots in (1, 2, 3):
            blocks, parcels = make_blocks(count)
            stream = BlockStream(
                parcels, CPU, send_at_once, num_slots=num_slots, reads_ahead=reads_ahead
            )
            for _ in range(10):
                order = chance.sample(range(count), chance.randint(1, count))
                if chance.random() < 0.5:
                    stream.plan(chance.sample(range(count), chance.randint(1, count)))
                use_all(stream, blocks, order)
            stream.close()


def test_each_block_travels_once_a_pass_and_skipped_ones_never() -> None:
    blocks, parcels = make_blocks(6)
    recorder = Recorder(parcels)
    stream = BlockStream(parcels, CPU, recorder.send)
    for skipped in (None, 3, None, 4):
        order = [number for number in range(6) if number != skipped]
        stream.plan(order)
        use_all(stream, blocks, order)
    every = [0, 1, 2, 3, 4, 5]
    wanted = [*every, 0, 1, 2, 4, 5, *every, 0, 1, 2, 3, 5]
    # And the first of a next pass, which had begun to come.
    assert recorder.sent == [*wanted, 0, 1]
    order = [0, 2, 3, 4, 5]
    stream.plan(order)
    use_all(stream, blocks, order)
    assert recorder.sent[-2:] == [0, 1]  # the next pass may want what this one skipped
    stream.close()


def test_next_block_is_on_its_way_while_one_computes() -> None:
    blocks, parcels = make_blocks(5)
    recorder = Recorder(parcels)
    stream = BlockStream(parcels, CPU, recorder.send)
    for _ in range(2):
        for number in range(5):
            with stream.use(number):
                assert (number + 1) % 5 == recorder.sent[-1]
                in_use = blocks[number].weight.untyped_storage().data_ptr()
                assert recorder.targets[-1] != in_use
    stream.close()


def test_two_slots_are_all_the_device_memory_there_is() -> None:
    blocks, parcels = make_blocks(6)
    recorder = Recorder(parcels)
    stream = BlockStream(parcels, CPU, recorder.send)
    use_all(stream, blocks, list(range(6)) * 3)
    stream.close()
    assert len(set(recorder.targets)) == 2


def test_blocks_are_at_home_when_not_in_use() -> None:
    blocks, parcels = make_blocks(3)
    homes = [block.weight.data_ptr() for block in blocks]
    stream = BlockStream(parcels, CPU, send_at_once)

    def fail() -> None:
        with stream.use(1):
            assert blocks[1].weight.data_ptr() != homes[1]
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [block.weight.data_ptr() for block in blocks] == homes
    use_all(stream, blocks, [0, 1, 2])
    stream.close()


@pytest.mark.parametrize("reads_ahead", [False, True])
def test_failed_copy_is_told_and_tried_again(reads_ahead: bool) -> None:
    blocks, parcels = make_blocks(4)
    recorder = Recorder(parcels)
    stream = BlockStream(parcels, CPU, recorder.send, reads_ahead=reads_ahead)
    for number in range(4):
        recorder.fails_at = number
        with pytest.raises(OSError, match="went away"):
            use_all(stream, blocks, [0, 1, 2, 3, number])
        use_all(stream, blocks, [number, 0, 1, 2, 3])
    stream.close()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("num_slots", [1, 2, 3])
def test_copies_and_computing_keep_out_of_each_others_way(num_slots: int) -> None:
    """Computing is made slow, then copying is, so that a missing event shows as a wrong sum."""
    device = torch.device("cuda", 0)
    blocks, parcels = make_blocks(5, width=2048)
    for parcel in parcels:
        assert parcel.flat is not None
        parcel.move_into(parcel.flat.pin_memory())

    def send_slowly(parcel: Parcel, target: Tensor) -> None:
        torch.cuda._sleep(5_000_000)
        send_at_once(parcel, target)

    for send, pause in ((send_at_once, 5_000_000), (send_slowly, 0)):
        stream = BlockStream(parcels, device, send, num_slots=num_slots)
        sums = []
        for number in [0, 1, 2, 3, 4, 0, 2, 3, 1, 4, 0]:
            with stream.use(number):
                torch.cuda._sleep(pause)
                sums.append((number, blocks[number].weight.double().sum()))
        stream.close()
        assert [float(total) for _, total in sums] == [n * 2048.0**2 for n, _ in sums]
