"""The bytes of small weight files that are in order."""

import io
import json
import zipfile


def safetensors_bytes(num_floats=1000, filler=0):
    """A safetensors file of one tensor."""
    size = 4 * num_floats
    entry = {"dtype": "F32", "shape": [num_floats], "data_offsets": [0, size]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "tensor": entry}).encode()
    return len(header).to_bytes(8, "little") + header + bytes([filler]) * size


def torch_bytes(num_bytes=4000):
    """What `torch.save` writes, as far as its form goes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
        archive.writestr("archive/data/0", bytes(num_bytes))
    return buffer.getvalue()
