"""Draws the tree in ARCHITECTURE.md from the first sentences of docstrings; run it with `python -m tests.tree`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests import house

PAGE = house.ROOT / "ARCHITECTURE.md"
WIDTH = 29  # columns before a module's sentence
_HEADING = "## The tree"
_ROOT_FILES = {
    "build_addon.py": None,
    "blender_manifest.toml": "Name, version, permissions and licence of the extension, for Blender",
    "pyproject.toml": "Dependencies of the engine, and the settings of ruff, mypy and pytest",
    "constraints.txt": "Versions of all packages in the environments of the demo and the tests",
}
_DATA = {"weights": "Weights of the default network, and their model card"}


def first_sentence(path: Path) -> str:
    """Return the first sentence of a module's docstring, on one line, without its full stop."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split())
    end = next((at for at in range(len(text)) if text[at] == "." and text[at + 1 : at + 2] in ("", " ")), len(text))
    return text[:end]


def draw() -> str:
    """Return the tree as text, with a line for each module that is not a test, and each folder of the tests."""
    lines = [
        _row(name, 0, words or first_sentence(house.ROOT / name))
        for name, words in _ROOT_FILES.items()
        if (house.ROOT / name).exists()
    ]
    for room in house.ROOMS:
        lines += ["", *_folder(house.ROOT / room, 0)]
    lines += ["", *_folder(house.ROOT / "release", 0)]
    lines += ["", *_folder(house.ROOT / "tests", 0, deep=False)]
    return "\n".join(lines)


def with_tree(page: str) -> str:
    """Return the Markdown `page` with a newly drawn tree in the first code block below the heading of the tree."""
    before, heading, rest = page.partition(_HEADING)
    opening, _, block = rest.partition("```\n")
    return f"{before}{heading}{opening}```\n{draw()}\n```{block.partition('```')[2]}"


def _folder(folder: Path, depth: int, *, deep: bool = True) -> Iterator[str]:
    own = folder / "__init__.py"
    yield _row(f"{folder.name}/", depth, first_sentence(own) if own.exists() else _DATA.get(folder.name, ""))
    for path in sorted(folder.glob("*.py")):
        if path != own and (deep or not path.name.startswith("test_")):
            yield _row(path.name, depth + 1, first_sentence(path))
    for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
        if inner.name in _DATA or (deep and any(inner.glob("*.py"))):
            yield from _folder(inner, depth + 1)
        elif not deep and any(inner.rglob("*.py")):
            yield _row(f"{inner.name}/", depth + 1, "")


def _row(name: str, depth: int, words: str) -> str:
    return f"{'  ' * depth + name:{WIDTH}}{words}".rstrip()


if __name__ == "__main__":
    PAGE.write_text(with_tree(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
