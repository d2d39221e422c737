"""The guide in `docs`: its pictures are those that its script makes, its links lead somewhere, its labels are real."""

from __future__ import annotations

import ast
import json
import re

import pytest
from PIL import Image

from tests import house
from tests.windowed.guide_pages import CREDIT, FOLDER, MAX_BYTES, PICTURES
from tests.windowed.pictures import finish

PAGES = sorted((house.ROOT / "docs").glob("*.md"))
ALL = [*PAGES, *(house.ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "ARCHITECTURE.md"))]
_PICTURE = re.compile(r"^!\[([^\]]*)\]\(guide/(\w+)\.jpg\)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^):\s]*)\)")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_NO_LABELS = ("bold", "Keymatte")  # what the guide explains, and the tab's name
_ROOMS = ("addon", "ops", "ui")

pytestmark = pytest.mark.fast


def text_of(page) -> str:
    return page.read_text(encoding="utf-8")


def shown(page) -> list[str]:
    return [name for _, name in _PICTURE.findall(text_of(page))]


def labels(*packages: str) -> set[str]:
    """Return all texts in the interface's modules but docstrings: labels of buttons, panels, settings and choices."""
    found = set()
    for source in house.modules(*(packages or _ROOMS)).values():
        tree = ast.parse(source)
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        docs = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
        texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        found |= {text for text in texts if isinstance(text, str)} - docs
    return found


def test_there_are_pages():
    assert {page.stem for page in PAGES} == {"first-shot", "correcting", "results", "trouble", "buttons"}


def test_the_pages_show_the_pictures_that_the_script_makes_and_no_others():
    assert {name for page in PAGES for name in shown(page)} == PICTURES.keys()
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.jpg" for name in PICTURES}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= MAX_BYTES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_picture_is_described_and_the_clip_is_credited(page):
    blocks = text_of(page).split("\n\n")
    for at, block in enumerate(blocks):
        pictures = _PICTURE.findall(block)
        assert all(words for words, _ in pictures)
        if any(PICTURES[name].shows_clip for _, name in pictures):
            following = next(later for later in blocks[at + 1 :] if later.startswith("*Clip") or "##" in later)
            assert following.startswith(f"*{CREDIT}") and "CC BY 4.0" in following, pictures


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_label_in_bold_is_one_of_the_interface(page):
    named = {" ".join(words.split()) for words in _BOLD.findall(text_of(page))}
    assert sorted(named - labels() - set(_NO_LABELS)) == []


def test_what_the_tab_says_on_the_page_of_troubles_is_what_it_says():
    (table,) = re.findall(r"\| what the tab says .*?\n\n", text_of(house.ROOT / "docs" / "trouble.md"), re.DOTALL)
    said = re.findall(r"^\| \*([^*]+)\* \|", table, re.MULTILINE)
    texts = labels() | labels("engine/shared")
    assert len(said) > 5
    assert [words for words in said if not any(words in text for text in texts)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_numbers_in_the_text_are_those_of_the_labels_on_a_picture_of_the_page(page):
    marks = {(label, number) for name in shown(page) for number, label in enumerate(PICTURES[name].marks, 1)}
    named = re.findall(r"\*\*([^*]+)\*\* \((\d)\)", " ".join(text_of(page).split()))
    assert {(label, int(number)) for label, number in named} - marks == set()


def test_every_label_that_is_marked_is_named_on_the_page_of_its_picture():
    for page in PAGES:
        for name in shown(page):
            for label in PICTURES[name].marks:
                assert f"**{label}**" in " ".join(text_of(page).split()), (page.name, name)


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page):
    for link in _LINK.findall(text_of(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(text_of(target)), link


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as web pages of repositories make them."""
    without_code = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_a_screenshot_is_cut_and_its_labels_get_numbers(tmp_path):
    name = next(name for name, picture in PICTURES.items() if len(picture.marks) == 2)
    Image.new("RGB", (1600, 900), (50, 50, 50)).save(tmp_path / f"{name}.png")
    notes = {name: {"box": [100, 100, 700, 500], "marks": [[150, 200, 220, 212], [150, 300, 260, 312]]}}
    (tmp_path / "report.json").write_text(json.dumps({"pictures": notes}), encoding="utf-8")
    finish(tmp_path, tmp_path / "out")
    picture = Image.open(tmp_path / "out" / f"{name}.jpg")
    assert picture.size == (600, 400)
    for x, y in ((139 - 8, 106), (179 - 8, 206)):  # beside the digits, in the discs to the right of the labels
        red, green, blue = picture.getpixel((x, y))
        assert red > 200 and green > 150 and blue < 110, (red, green, blue)
    assert max(picture.getpixel((40, 106))) < 80


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_are_short_enough(page):
    assert [line for line in text_of(page).splitlines() if len(line) > 120] == []
