"""The checkbox Adapt to This Shot, from the panel to the weights stored beside the mattes."""

from __future__ import annotations

from types import SimpleNamespace

import bpy

from tests.blender.studio import FRAMES, iou, part, ring


class Column:
    """A stand-in for Blender's UILayout that records which properties and operators a panel draws."""

    def __init__(self) -> None:
        self.drawn: list[str] = []

    def prop(self, data, name: str, **options) -> None:
        self.drawn.append(name)

    def operator(self, name: str, **options) -> SimpleNamespace:
        self.drawn.append(name)
        return SimpleNamespace()

    def column(self, **options) -> Column:
        return self

    row = box = split = column

    def label(self, *words, **options) -> None:
        pass

    progress = separator = menu = label


def drawn(studio) -> list[str]:
    """Return the properties and operators that the options of Propagate draw."""
    panel = part("ui.propagate_options").CLIP_PT_matte_propagate_options
    column = Column()
    panel.draw(SimpleNamespace(layout=column), SimpleNamespace(space_data=studio.space, scene=studio.scene))
    return column.drawn


def whole_clip_job(studio):
    whole_clip, both = part("addon.run_frames").whole_clip, part("engine.shared.types").Direction.BOTH
    return part("addon.jobs").gather_job(studio.clip, whole_clip(studio.clip), both)


def test_adapting_is_off_by_default_and_offered_by_capable_recipes_only(with_xmem):
    studio = with_xmem
    studio.open_marked()
    matting = studio.clip.matting
    assert not matting.adapt
    assert not whole_clip_job(studio).settings.adapt
    assert "adapt" in drawn(studio)
    matting.adapt = True
    assert whole_clip_job(studio).settings.adapt
    matting.recipe = "xmem"
    assert "adapt" not in drawn(studio)
    assert not whole_clip_job(studio).settings.adapt, "another recipe does not adapt"
    assert matting.bl_rna.properties["adapt"].description


def test_keyframes_count_across_cuts_only_if_asked(with_xmem):
    studio = with_xmem
    studio.open_marked()
    matting = studio.clip.matting
    assert "across_cuts" in drawn(studio)
    assert not whole_clip_job(studio).across_cuts
    matting.across_cuts = True
    assert whole_clip_job(studio).across_cuts
    assert matting.bl_rna.properties["across_cuts"].description


def test_small_objects_are_followed_unless_switched_off_by_recipes_that_can(with_xmem):
    studio = with_xmem
    studio.open_marked()
    matting = studio.clip.matting
    assert "follow_small" in drawn(studio)
    assert whole_clip_job(studio).crop
    matting.follow_small = False
    assert not whole_clip_job(studio).crop
    assert matting.bl_rna.properties["follow_small"].description
    matting.recipe = "xmem"
    assert "follow_small" not in drawn(studio)


def test_adapted_weights_are_written_used_and_cleared(studio):
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
