"""Words of the user interface: tooltips of all operators, and buttons that errors tell to click."""

from __future__ import annotations

import re

import bpy

from tests import house
from tests.blender.studio import part

_CLICK = re.compile(r"[Cc]lick ([A-Z][a-z]+(?: [A-Z][a-z]+)*)")


def operators() -> list[type]:
    return [cls for cls in part("ops").CLASSES if issubclass(cls, bpy.types.Operator)]


def test_every_operator_has_a_label_of_its_own_and_a_tooltip(studio):
    studio.open_film()
    labels = [cls.bl_label for cls in operators()]
    assert len(labels) > 30 and len(set(labels)) == len(labels)
    for cls in operators():
        tooltip = " ".join((cls.__doc__ or "").split())
        assert tooltip[:1].isupper() and tooltip[-1] != ".", f"{cls.__name__}: Blender adds the full stop"


def test_tooltips_are_at_most_two_short_sentences(studio):
    studio.open_film()
    tooltips = {cls.__name__: " ".join((cls.__doc__ or "").split()) for cls in operators()}
    for owner in (studio.clip.matting, studio.clip.matting.bl_rna.properties["objects"].fixed_type):
        rna = getattr(owner, "bl_rna", owner)
        tooltips |= {f"{rna.identifier}.{prop.identifier}": prop.description for prop in rna.properties}
    long = {name: text for name, text in tooltips.items() if len(text) > 160 or len(re.findall(r"[.;:] ", text)) > 1}
    assert not long


def test_every_button_that_an_error_tells_to_click_is_there(studio):
    studio.open_film()
    files = [path for room in ("addon", "ops", "ui") for path in house.ROOT.glob(f"{room}/*.py")]
    sources = [path.read_text(encoding="utf-8") for path in (*files, house.ROOT / "engine/shared/errors.py")]
    told = {name for source in sources for name in _CLICK.findall(source)}
    assert {"Object Not Visible", "Install Engine", "Store Again"} <= told
    there = {cls.bl_label for cls in operators()}
    there |= {text for source in sources for text in re.findall(r'text="([^"]+)"', source)}
    assert told - there == set()
