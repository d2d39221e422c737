"""README, CONTRIBUTING and CHANGELOG: links, line lengths, commands and options are valid."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from engine.shared.environment import read_constraints
from tests import house
from tests.demo import pictures
from tests.demo.__main__ import README_PICTURES

README, *_ = PAGES = [house.ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
MAX_COLUMNS = 120
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_MODULE = re.compile(r"python3? -m ((?:engine|tests)(?:[.][a-z_]+)*)")
_COMMAND = re.compile(r"^(?:python3? )(-m engine|build_addon\.py) ([a-z-]+)(.*)$", re.MULTILINE)


def commands() -> dict[tuple[str, str], set[str]]:
    """Return the options that README's code blocks show, by (program, subcommand)."""
    shown: dict[tuple[str, str], set[str]] = {}
    for program, command, rest in _COMMAND.findall(README.read_text(encoding="utf-8")):
        options = re.findall(r"(?<= )--[a-z-]+", rest.partition(" -- ")[0])
        shown.setdefault((program, command), set()).update(options)
    return shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_line_fits_and_every_link_leads_to_a_file(page):
    text = page.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if len(line) > MAX_COLUMNS] == []
    assert [link for link in _LINK.findall(text) if not (house.ROOT / link).exists()] == []


def test_the_two_commands_are_in_the_readme():
    assert {("build_addon.py", "demo"), ("build_addon.py", "test"), ("-m engine", "propagate")} <= commands().keys()


@pytest.mark.parametrize(("program", "command"), commands(), ids=" ".join)
def test_commands_and_options_in_the_readme_exist(program, command):
    words = [sys.executable, *program.split(), command, "--help"]
    result = subprocess.run(words, cwd=house.ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    options = set(re.findall(r"--[a-z-]+", result.stdout))
    assert commands()[program, command] <= options


def test_the_hooks_run_the_ruff_that_the_tests_run():
    hooks = (house.ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    (version,) = re.findall(r"ruff-pre-commit\n\s+rev: v(\S+)", hooks)
    assert f"ruff=={version}" in read_constraints(house.ROOT / "constraints.txt")


@pytest.mark.parametrize("name", README_PICTURES)
def test_the_readme_shows_the_demos_pictures(name):
    picture = house.ROOT / "docs" / f"{name}.jpg"
    assert picture.stat().st_size <= pictures.README_BYTES
    assert f"docs/{name}.jpg" in README.read_text(encoding="utf-8")


def test_every_module_that_a_page_says_to_run_can_be_run():
    guide = [*(house.ROOT / "docs").glob("*.md"), *(house.ROOT / "engine").rglob("*.md")]
    names = {name for page in (*PAGES, *guide) for name in _MODULE.findall(page.read_text(encoding="utf-8"))}
    assert {"engine", "engine.shared.setup", "tests.tree"} <= names
    for name in names:
        path = house.ROOT.joinpath(*name.split("."))
        source = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        assert '__name__ == "__main__"' in source.read_text(encoding="utf-8"), f"python -m {name} does nothing"
