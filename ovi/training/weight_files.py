"""Weight files that one stage writes and a later one reads."""

from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ovi.training.errors import TrainingError


def read_weights(
    model: nn.Module,
    path: Path,
    convert: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = dict,
) -> None:
    """Puts the tensors of `path` into `model`, and sets it to evaluation mode.

    `convert` gives the model's names for the file's. Raises TrainingError that names the file if
    it is missing or is another model's.
    """
    try:
        model.load_state_dict(dict(convert(load_file(path))))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise TrainingError(
            f"{path} does not hold the weights of this {type(model).__name__} "
            f"({str(error).splitlines()[0]}). Train that stage first, with the same sizes."
        ) from error
    model.eval()
