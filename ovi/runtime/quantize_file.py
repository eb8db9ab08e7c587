"""Saves a model's weights in eight bits beside their original; `ovi weights quantize` starts it.

    python -m ovi.runtime.quantize_file --model fusion --to int8 --source FILE --target FILE
        --source-sha256 HASH --variant NAME --ckpt-dir FOLDER

One tensor after the other goes from the mapped original through `quantize.py` to the new file, on
the GPU where there is one: the numbers are the same. stdout gets one JSON object a line: first
`size_bytes`, then `done` and `total` (bytes of the original), at last `sha256`; or `error`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

import ovi
from ovi.errors import OviError, WeightsError
from ovi.models.fusion.model import FusionModel
from ovi.models.text_encoder.keys import from_published as text_encoder_keys
from ovi.models.text_encoder.model import TextEncoder
from ovi.runtime.checkpoint import Checkpoint, open_checkpoint
from ovi.runtime.loading import Convert, check_files
from ovi.runtime.quantize import SCALE, EightBitLinear, quantize_rows, store_fp8, store_int8
from ovi.runtime.sizes import configs_of
from ovi.runtime.tensor_file import file_bytes, write_tensors
from ovi.spec.request import TransformerPrecision
from ovi.spec.variants import Variant, variant_named
from ovi.weights.quantized import (
    METHOD_KEY,
    METHODS,
    PROGRAM_KEY,
    SOURCE_HASH_KEY,
    SOURCE_KEY,
)
from ovi.weights.verify import hash_file
from ovi.weights.wanted import free_bytes

STORES = {TransformerPrecision.FP8: store_fp8, TransformerPrecision.INT8: store_int8}

OnBytes = Callable[[int, int], None]
"""(bytes of the original done, bytes in all)"""


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """An original, and the tensors that are to be made of it."""

    source: Path
    checkpoint: Checkpoint
    source_keys: Mapping[str, str]
    """The model's key of each tensor -> the file's."""
    layers: Mapping[str, EightBitLinear]
    """The layers that become eight bits, on meta, by name."""
    metadata: Mapping[str, str]

    @property
    def headers(self) -> dict[str, Tensor]:
        """What the new file holds, on meta."""
        headers = {
            key: self.checkpoint.headers[source_key] for key, source_key in self.source_keys.items()
        }
        for name, layer in self.layers.items():
            for leaf in ("weight", SCALE):
                headers[f"{name}.{leaf}"] = layer.state_dict()[leaf]
        return headers


def plan_conversion(
    model_name: str,
    variant: Variant,
    ckpt_dir: Path,
    source: Path,
    source_sha256: str,
    precision: TransformerPrecision,
) -> Conversion:
    """What is to be made of an original. Raises WeightsError where it does not fit its model."""
    build, convert = _model(model_name, variant, ckpt_dir)
    check_files(build, [source], convert, name=model_name)
    checkpoint = open_checkpoint(source)
    with torch.device("meta"):
        model = STORES[precision](build())
    layers = {
        name: layer for name, layer in model.named_modules() if isinstance(layer, EightBitLinear)
    }
    names = {id(header): key for key, header in checkpoint.headers.items()}
    source_keys = {key: names[id(header)] for key, header in convert(checkpoint.headers).items()}
    weights = (checkpoint.headers[source_keys[f"{name}.weight"]] for name in layers)
    if any(weight.itemsize == 1 for weight in weights):
        raise WeightsError(
            f"{source} holds eight-bit weights already, which cannot be made better: name the "
            "original, in sixteen bits or more."
        )
    metadata = {
        "format": "pt",
        METHOD_KEY: METHODS[precision],
        SOURCE_KEY: source.name,
        SOURCE_HASH_KEY: source_sha256,
        PROGRAM_KEY: ovi.__version__,
    }
    return Conversion(source, checkpoint, source_keys, layers, metadata)


def check_space(conversion: Conversion, target: Path) -> int:
    """The size in bytes of the new file. Raises WeightsError when the disk cannot hold it."""
    size, free = file_bytes(conversion.headers, conversion.metadata), free_bytes(target.parent)
    if size > free:
        raise WeightsError(
            f"{target} needs {size / 1e9:.1f} GB, and {target.parent} has {free / 1e9:.1f} GB "
            "free. Make room first."
        )
    return size


def save_quantized(
    conversion: Conversion, target: Path, device: torch.device, on_bytes: OnBytes
) -> str:
    """Writes the new file and returns its SHA-256 in hex, as read back from the disk.

    Raises WeightsError for weights that are not finite and when the disk refuses.
    """
    try:
        tensors = _tensors(conversion, device, on_bytes)
        write_tensors(target, conversion.headers, tensors, conversion.metadata)
        return hash_file(target, lambda _: None)
    except OSError as error:
        raise WeightsError(
            f"{target} cannot be written: {error.strerror or error}. Nothing was left behind; make "
            "room or choose another checkpoint folder, and start again."
        ) from error


def _tensors(
    conversion: Conversion, device: torch.device, on_bytes: OnBytes
) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of the new file, one weight after the other."""
    headers = conversion.checkpoint.headers
    total, done = sum(header.nbytes for header in headers.values()), 0
    for key, source_key in conversion.source_keys.items():
        tensor = conversion.checkpoint.read(source_key)
        owner, _, leaf = key.rpartition(".")
        if leaf == "weight" and owner in conversion.layers:
            weight = tensor.to(device)
            lowest, highest = weight.aminmax()
            if not bool(lowest.isfinite() & highest.isfinite()):
                raise WeightsError(
                    f"{conversion.source} holds values that are not finite in {source_key}. "
                    "Download it again."
                )
            numbers, scale = quantize_rows(weight, conversion.layers[owner].bits)
            yield key, numbers
            yield f"{owner}.{SCALE}", scale
        else:
            yield key, tensor
        done += tensor.nbytes
        on_bytes(done, total)


def _model(
    model_name: str, variant: Variant, ckpt_dir: Path
) -> tuple[Callable[[], nn.Module], Convert]:
    """How the model is built, and how its file's keys become its own."""
    configs = configs_of(variant, ckpt_dir)
    if model_name == "fusion":
        return partial(FusionModel, configs.fusion), dict
    assert model_name == "text_encoder", model_name
    config = configs.text_encoder
    return partial(TextEncoder, config), partial(text_encoder_keys, config=config)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one conversion. Returns 0, or 1 after telling an error."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", choices=("fusion", "text_encoder"), required=True)
    options.add_argument("--to", choices=[*STORES], type=TransformerPrecision, required=True)
    for name in ("--source", "--target", "--ckpt-dir"):
        options.add_argument(name, type=Path, required=True)
    options.add_argument("--source-sha256", required=True)
    options.add_argument("--variant", type=variant_named, required=True)
    chosen = options.parse_args(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        with torch.inference_mode():
            conversion = plan_conversion(
                chosen.model,
                chosen.variant,
                chosen.ckpt_dir,
                chosen.source,
                chosen.source_sha256,
                chosen.to,
            )
            _tell(size_bytes=check_space(conversion, chosen.target))
            sha256 = save_quantized(
                conversion, chosen.target, device, lambda done, total: _tell(done=done, total=total)
            )
    except OviError as error:
        _tell(error=str(error))
        return 1
    _tell(sha256=sha256)
    return 0


def _tell(**facts: object) -> None:
    sys.stdout.write(f"{json.dumps(facts)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
