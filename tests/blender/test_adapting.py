"""Adapt to This Shot: the checkbox, from click to what is kept beside the mattes."""

from __future__ import annotations

from types import SimpleNamespace

import bpy

from tests.blender.studio import FRAMES, iou, part, ring


class Column:
    """Notes which properties and operators a panel draws."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def prop(self, data, name: str, **looks) -> None:
        self.drawn.append(name)

    def operator(self, name: str, **looks) -> SimpleNamespace:
        self.drawn.append(name)
        return SimpleNamespace()

    def column(self, **looks) -> Column:
        return self

    row = box = split = column

    def label(self, *words, **looks) -> None:
        pass

    progress = separator = menu = label


def drawn(studio) -> list[str]:
    """What the panel Propagate shows."""
    panel = part("ui.panels").CLIP_PT_matte_propagate
    column = Column()
    panel.draw(SimpleNamespace(layout=column), SimpleNamespace(space_data=studio.space, scene=studio.scene))
    return column.drawn


def whole(studio):
    jobs = part("addon.jobs")
    return jobs.gather_job(studio.clip, jobs.whole_clip(studio.clip), part("engine.shared.types").Direction.BOTH)


def test_it_is_off_unless_it_is_ticked_and_offered_where_it_can_be_done(with_xmem):
    studio = with_xmem
    studio.open_marked()
    matting = studio.clip.matting
    assert not matting.adapt
    assert not whole(studio).settings.adapt
    assert "adapt" in drawn(studio)
    matting.adapt = True
    assert whole(studio).settings.adapt
    matting.recipe = "xmem"
    assert "adapt" not in drawn(studio)
    assert not whole(studio).settings.adapt, "another recipe cannot, and is not asked to"
    assert matting.bl_rna.properties["adapt"].description


def test_a_clip_that_is_ticked_is_learned_and_followed_and_cleared(studio):
    studio.open_marked()
    studio.clip.matting.adapt = True
    assert studio.propagate(recipe="") == {"FINISHED"}
    assert studio.matte_folder.adapted.is_file()
    assert part("addon.folders").results(studio.clip).numbers == tuple(range(1, FRAMES + 1))
    assert iou(studio.matte(1, FRAMES), ring(FRAMES - 1)) > 0.6
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert studio.clip.matting.adapt
    root = studio.matte_folder.root
    assert studio.click("matte_clear") == {"FINISHED"}
    assert not (root / "adapted.safetensors").exists()
