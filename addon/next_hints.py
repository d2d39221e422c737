"""What is worth doing on a clip beside the next step, and can be left: lines below it at the top of the tab."""

from __future__ import annotations

from .next_step import Button, Facts, Step

_FRAMES = Button("clip.set_scene_frames", "Fit Scene", "TIME")
_SIZE = Button("clip.matte_scene_size", "Set Scene Size", "FULLSCREEN_ENTER")
_SAVE = Button("wm.save_mainfile", "Save", "FILE_TICK")


def hints(facts: Facts) -> tuple[Step, ...]:
    """Return what is worth doing beside the next step, and can be left."""
    told = (
        (facts.scene_is_short, Step("scene", "Scene ends too early", "INFO", (_FRAMES,))),
        (facts.renders_differ, Step("size", "Renders have another size", "INFO", (_SIZE,))),
        (facts.keyframes > 0 and not facts.saved, Step("unsaved", "File not saved yet", "INFO", (_SAVE,))),
    )
    return tuple(step for is_due, step in told if is_due)
