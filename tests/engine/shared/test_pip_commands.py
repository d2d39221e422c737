"""Commands of pip: PyTorch comes from its own index, all else from the default one, or everything from a folder."""

from __future__ import annotations

from pathlib import Path

from engine.shared.environment import requirements
from engine.shared.pip_commands import Source, as_text, download_steps, install_steps, package_name
from engine.shared.torch_builds import builds_for

ROOT = Path(__file__).resolve().parents[3]
NEEDED = requirements(ROOT / "pyproject.toml")
CUDA = next(build for build in builds_for("win32", "amd64") if build.key == "cu130")
STANDARD = next(build for build in builds_for("win32", "amd64") if build.key == "standard")


def test_torch_and_torchvision_come_from_one_index_and_all_else_from_the_default_one():
    first, second = install_steps(NEEDED, Source(CUDA))
    assert [package_name(line) for line in first.packages] == ["torch", "torchvision"]
    assert first.arguments[first.arguments.index("--index-url") + 1] == "https://download.pytorch.org/whl/cu130"
    assert first.from_pytorch and not second.from_pytorch
    assert "--index-url" not in second.arguments and "--extra-index-url" not in first.arguments
    assert sorted((*first.packages, *second.packages)) == sorted(NEEDED)


def test_the_standard_package_is_one_run_of_pip():
    (step,) = install_steps(NEEDED, Source(STANDARD))
    assert "--index-url" not in step.arguments and step.packages == tuple(NEEDED)


def test_a_folder_of_wheels_takes_the_place_of_every_index(tmp_path):
    (step,) = install_steps(NEEDED, Source(CUDA, tmp_path))
    assert step.arguments[step.arguments.index("--find-links") + 1] == str(tmp_path)
    assert "--no-index" in step.arguments and "--index-url" not in step.arguments


def test_source_packages_are_never_built():
    for step in (*install_steps(NEEDED, Source(CUDA)), *download_steps(NEEDED, Source(CUDA), Path("wheels"))):
        assert step.arguments[step.arguments.index("--only-binary") + 1] == ":all:"


def test_commands_can_be_typed():
    text = as_text(install_steps(["torch>=2.6,<2.15", "av"], Source(CUDA))[0])
    assert text.startswith("python -m pip install ")
    assert text.endswith('--index-url https://download.pytorch.org/whl/cu130 "torch>=2.6,<2.15"')
