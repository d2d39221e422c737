"""The menu Keymatte: it has every action that has a button elsewhere, and says why one is not possible now."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import bpy
import pytest

from tests.blender.studio import part

WHILE_WAITING = "clip.matte_unqueue"  # drawn for each clip that waits


class Recorder:
    """A stand-in for Blender's UILayout that keeps the operators and menus that are drawn."""

    def __init__(self) -> None:
        self.operators: list[tuple[str, SimpleNamespace]] = []
        self.menus: list[str] = []

    def operator(self, name: str, **options: object) -> SimpleNamespace:
        self.operators.append((name, SimpleNamespace()))
        return self.operators[-1][1]

    def menu(self, name: str, **options: object) -> None:
        self.menus.append(name)

    def prop(self, *words: object, **options: object) -> None:
        pass

    separator = label = prop_menu_enum = prop


def drawn(name: str, context: SimpleNamespace) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the operators in a menu and in those below it, with the values of their properties."""
    layout, cls = Recorder(), getattr(bpy.types, name)
    cls.draw(SimpleNamespace(layout=layout, buttons=getattr(cls, "buttons", ())), context)
    yield from ((operator, vars(values)) for operator, values in layout.operators)
    for below in layout.menus:
        yield from drawn(below, context)


def all_drawn(studio) -> list[tuple[str, dict[str, object]]]:
    return list(drawn("CLIP_MT_matte_menu", SimpleNamespace(space_data=studio.space, scene=studio.scene)))


def test_every_action_is_in_the_menu(studio):
    studio.open_marked()
    wanted = {cls.bl_idname for cls in part("ops").CLASSES if "REGISTER" in getattr(cls, "bl_options", ())}
    assert len(wanted) > 50
    there = {name for name, _ in all_drawn(studio)}
    assert wanted - there <= {WHILE_WAITING, "clip.matte_make_local", "clip.matte_open_editor"}


def test_every_button_has_properties_and_values_that_its_operator_knows(studio):
    studio.open_marked()
    for name, values in all_drawn(studio):
        space, _, operator = name.partition(".")
        properties = getattr(getattr(bpy.ops, space), operator).get_rna_type().properties
        for field, value in values.items():
            assert field in properties, (name, field)
            if properties[field].type == "ENUM":
                assert value in properties[field].enum_items, (name, field, value)


def test_no_button_is_there_twice(studio):
    studio.open_marked()
    buttons = [(name, *sorted(values.items())) for name, values in all_drawn(studio)]
    assert len(buttons) == len(set(buttons))


def test_the_menu_is_drawn_without_a_clip(studio):
    studio.area.type = "CLIP_EDITOR"
    assert studio.space.clip is None
    assert {"clip.open", "clip.matte_install_engine", "clip.matte_show_tab"} <= {name for name, _ in all_drawn(studio)}


@pytest.mark.parametrize("mode", ["tracking", "masking"])
def test_the_header_has_the_menu_in_both_modes(studio, mode):
    draws = getattr(bpy.types, f"CLIP_MT_{mode}_editor_menus").draw._draw_funcs
    assert [draw for draw in draws if draw.__module__.endswith("ui.keymatte_menu")]
