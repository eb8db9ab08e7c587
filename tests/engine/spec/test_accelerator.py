"""The accelerator is told from files, on machines made of files."""

from pathlib import Path

import pytest

from ovi.spec.accelerator import accelerator_of, detect_accelerator, is_cuda_build

CUDA_BUILD = "__version__ = '2.13.0+cu130'\ndebug = False\ncuda: Optional[str] = '13.0'\nhip = None"
CPU_BUILD = CUDA_BUILD.replace("'13.0'", "None").replace("+cu130", "+cpu")


@pytest.fixture
def torch_folder(tmp_path: Path) -> Path:
    """An installed CUDA build of torch."""
    folder = tmp_path / "site-packages" / "torch"
    folder.mkdir(parents=True)
    (folder / "version.py").write_text(CUDA_BUILD)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Linux machine without a GPU."""
    for folder in ("root/dev", "root/proc"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "root/dev/nvidiactl").touch()
    return tmp_path / "root"


@pytest.mark.parametrize(
    "sign",
    [
        "dev/nvidia0",
        "dev/nvidia3",
        "proc/driver/nvidia/gpus/0000:01:00.0",
        "usr/lib/wsl/lib/libcuda.so.1",
    ],
)
def test_each_sign_of_a_gpu_counts(root: Path, torch_folder: Path, sign: str) -> None:
    assert accelerator_of("Linux", "x86_64", root, {}, torch_folder) == "cpu"
    (root / sign).parent.mkdir(parents=True, exist_ok=True)
    (root / sign).touch()
    assert accelerator_of("Linux", "x86_64", root, {}, torch_folder) == "cuda"


@pytest.mark.parametrize(
    ("visible", "expected"), [("", "cpu"), ("-1", "cpu"), ("0", "cuda"), ("GPU-8a1b", "cuda")]
)
def test_hidden_gpus_do_not_count(
    root: Path, torch_folder: Path, visible: str, expected: str
) -> None:
    (root / "dev/nvidia0").touch()
    environ = {"CUDA_VISIBLE_DEVICES": visible}
    assert accelerator_of("Linux", "x86_64", root, environ, torch_folder) == expected


def test_torch_must_be_there_and_built_with_cuda(root: Path, torch_folder: Path) -> None:
    (root / "dev/nvidia0").touch()
    assert accelerator_of("Linux", "x86_64", root, {}, None) == "cpu"
    for text in (CPU_BUILD, "cuda = None", ""):
        (torch_folder / "version.py").write_text(text)
        assert accelerator_of("Linux", "x86_64", root, {}, torch_folder) == "cpu"
    (torch_folder / "version.py").unlink()
    assert accelerator_of("Linux", "x86_64", root, {}, torch_folder) == "cpu"


def test_windows_looks_for_nvidia_smi(root: Path, torch_folder: Path) -> None:
    environ = {"PATH": str(root / "bin")}
    assert accelerator_of("Windows", "AMD64", root, environ, torch_folder) == "cpu"
    (root / "bin").mkdir()
    (root / "bin" / "nvidia-smi").touch(mode=0o755)
    assert accelerator_of("Windows", "AMD64", root, environ, torch_folder) == "cuda"


def test_apple_silicon_has_mps_and_intel_has_not(root: Path, torch_folder: Path) -> None:
    assert accelerator_of("Darwin", "arm64", root, {}, torch_folder) == "mps"
    assert accelerator_of("Darwin", "arm64", root, {}, None) == "cpu"
    assert accelerator_of("Darwin", "x86_64", root, {}, torch_folder) == "cpu"


def test_the_installed_torch_is_read_right() -> None:
    import torch

    folder = Path(torch.__file__).parent
    assert is_cuda_build(folder) == (torch.version.cuda is not None)
    assert detect_accelerator() in ("cuda", "mps", "cpu")
