"""Wheels of packages with one line of code, and environments whose installation was broken off, for tests."""

from __future__ import annotations

import zipfile
from pathlib import Path

from engine.shared.environment_folder import Marker, read_marker, site_packages, write_marker


def write_wheel(folder: Path, name: str, version: str = "1.0", requires: str = "") -> Path:
    """Write a wheel of a package with one line of code."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "ANSWER = 42\n")
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", f"{name}.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    return path


def break_off(place: Path) -> None:
    """Leave the environment as an installation does that was ended while `second` was being unpacked."""
    marker = read_marker(place / "env")
    assert marker is not None
    write_marker(place / "env", Marker(marker.requirements, marker.constraints, marker.build))
    packages = site_packages(place / "env")
    assert packages is not None
    (packages / "second-1.0.dist-info" / "INSTALLER").unlink()
    (packages / "second.py").write_text("ANSW")
    (packages / "first.py").write_text("ANSWER = 42  # not unpacked again\n")
    (place / "env" / "tmp").mkdir()
