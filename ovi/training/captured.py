"""Forward and backward passes as CUDA graphs: launched by one call instead of thousands.

A model as small as nano keeps a GPU busy for less time than Python takes to launch its kernels. A
graph records the launches of one pass and repeats them on new inputs at the same addresses. What
draws random numbers or copies from the CPU must have happened before: see `Stage.inputs`.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ovi.training.stages.stage import Inputs, Losses

WARM_UP_PASSES = 3
"""Before recording: libraries set themselves up, compilers compile, gradients come to exist."""


@dataclass(frozen=True, slots=True, eq=False)
class _Recording:
    graph: torch.cuda.CUDAGraph
    inputs: dict[str, Tensor]
    losses: Losses


class CapturedPasses:
    """Runs `compute`, which adds gradients and returns losses, by a graph for each kind of input.

    Inputs are of one kind when they have equal shapes and equal flags. The gradients of the
    parameters must not be given up between passes (`zero_grad(set_to_none=False)`).
    """

    def __init__(
        self, compute: Callable[[Inputs], Losses], parameters: Sequence[nn.Parameter]
    ) -> None:
        self._compute = compute
        self._parameters = parameters
        self._recordings: dict[Hashable, _Recording] = {}

    def __call__(self, inputs: Inputs) -> Losses:
        """One pass. The losses are overwritten by the next one."""
        kind = tuple(
            (name, tuple(value.shape) if isinstance(value, Tensor) else value)
            for name, value in inputs.items()
        )
        if kind not in self._recordings:
            self._recordings[kind] = self._record(inputs)
        recording = self._recordings[kind]
        for name, tensor in recording.inputs.items():
            tensor.copy_(_tensor(inputs[name]))
        recording.graph.replay()
        return recording.losses

    def _record(self, inputs: Inputs) -> _Recording:
        """The graph of one kind of input; leaves the gradients as they are."""
        before = [None if p.grad is None else p.grad.clone() for p in self._parameters]
        fixed = {k: v.clone() for k, v in inputs.items() if isinstance(v, Tensor)}
        given = {**inputs, **fixed}
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP_PASSES):
                self._compute(given)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            losses = self._compute(given)
        for parameter, gradient in zip(self._parameters, before, strict=True):
            if parameter.grad is not None:
                parameter.grad.copy_(gradient) if gradient is not None else parameter.grad.zero_()
        return _Recording(graph, fixed, {k: v.detach() for k, v in losses.items()})


def _tensor(value: Tensor | bool) -> Tensor:
    assert isinstance(value, Tensor)
    return value
