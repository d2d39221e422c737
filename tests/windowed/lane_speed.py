"""Speed of the lane with 5,000 frames of 8 objects; run by Blender.

    blender --factory-startup --python tests/windowed/lane_speed.py -- ZIP PYTHON OUT

See `driver` for ZIP, PYTHON and OUT. `report.json` gets the milliseconds that the lane takes of a redraw as Blender
draws frame after frame (drawn), and with data that have just changed (changed), those of a look at the clip by the
timer (tick), and the seconds until the thread has told the state of all mattes (told, and again after a keyframe was
removed) and of a single one (one_more).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Generator
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.png import write_png
from tests.windowed import driver
from tests.windowed.driver import OUT, Steps, over, part, report, screenshot, until

FRAMES, OBJECTS, EVERY = 5000, 8, 60  # frames from one keyframe to the next
REDRAWS = 60


def measure() -> Steps:
    """Make a long clip with mattes, and measure the parts of its lane."""
    yield 1.0
    driver.install()
    area = yield from driver.only_a_clip_editor()
    clip = driver.open_clip(area, film(), name="long")
    mattes(clip)
    with over(area):
        bpy.ops.clip.view_all(fit_view=True)
    watching, state = part("addon.lane_watch"), part("addon.state_watch")
    began = time.monotonic()
    area.tag_redraw()
    yield from until(lambda: told(clip) is not None)
    report["told"] = time.monotonic() - began
    yield 2.0
    before = told(clip)
    began = time.monotonic()
    clip.matting.keyframes.remove(10)  # which makes its neighbours stale
    area.tag_redraw()
    yield from until(lambda: told(clip) is not before)
    report["again"] = time.monotonic() - began
    report["states"] = np.bincount(told(clip).codes.ravel()).tolist()
    yield 2.0
    screenshot("lane")
    report["drawn"] = yield from drawn(area, clip, change=False)
    report["changed"] = yield from drawn(area, clip, change=True)
    times = []
    for _ in range(10):
        began = time.perf_counter()
        watching.watch(clip)
        state.tick()
        times.append((time.perf_counter() - began) * 1000)
        yield 0.3
    report["tick"] = summary(times)
    earlier = told(clip)
    row = earlier.rows[1][EVERY // 2]
    quality = part("engine.shared.protocol").ObjectQuality.of(1, row)
    yield from until(lambda: not state.reader.is_working)
    state.reader.tell(earlier.request.folder.root, 2, [quality])
    began = time.monotonic()
    area.tag_redraw()
    yield from until(lambda: told(clip) is not earlier)
    report["one_more"] = time.monotonic() - began


def film() -> Path:
    """Return the first of 5,000 pictures, which are one file with many names."""
    folder = OUT / "film"
    folder.mkdir()
    first = write_png(folder / "a_0001.png", np.full((90, 160, 3), 60, np.uint8))
    for number in range(2, FRAMES + 1):
        (folder / f"a_{number:04d}.png").hardlink_to(first)
    return first


def mattes(clip: bpy.types.MovieClip) -> None:
    """Give the clip 8 objects with keyframes and computed mattes, some of which are doubtful."""
    folder = part("addon.folders").matte_folder(clip)
    alpha = np.zeros((90, 160), np.uint8)
    alpha[30:60, 40:90] = 255
    version = part("addon.keyframes").store_image(clip, alpha)
    for object_id in range(1, OBJECTS + 1):
        part("addon.objects").add_object(clip)
        for number in range(1, FRAMES + 1, EVERY):
            key = clip.matting.keyframes.add()
            key.number, key.object_id, key.version, key.is_alpha = number, object_id, version, True
    job = part("addon.jobs").foreseen_job(clip, folder, 1, FRAMES)
    weights = part("engine.shared.catalogue").bundled_file(job.recipe)
    inputs = part("engine.shared.run_inputs").run_inputs(job, range(1, FRAMES + 1), (), weights)
    runs = part("engine.shared.provenance").Runs()
    runs.with_run(inputs, keep=frozenset()).write(folder)
    files = part("engine.shared.written_files").WrittenFiles(folder)
    quality = part("engine.shared.quality").MatteQuality
    for object_id in range(1, OBJECTS + 1):
        for number in range(1, FRAMES + 1):
            value = 0.3 if (number // 97 + object_id) % 11 == 0 else 0.9
            judged = quality(value, "edge", "keymatte", {"warp": 0.5}, run=inputs.id)
            files.write(folder.matte(object_id, number), b"matte", judged)
    files.close()


def told(clip: bpy.types.MovieClip):
    """Return what the thread has told of the clip, once the folder has been read."""
    found = part("addon.state_watch").reader.found(part("addon.folders").existing_folder(clip).root)
    return found if found is not None and found.codes.any() and len(found.rows) == OBJECTS else None


def drawn(area: bpy.types.Area, clip: bpy.types.MovieClip, *, change: bool) -> Generator[float, None, dict]:
    """Redraw the editor on frame after frame, with changed data if asked for, and measure the lane's part."""
    watching, drawer, times = part("addon.lane_watch"), part("ui.overlay")._lane_drawer, []
    kept: list[float] = []
    real = drawer.draw

    def timed(*arguments: object) -> None:
        began = time.perf_counter()
        real(*arguments)
        times.append((time.perf_counter() - began) * 1000)

    drawer.draw = timed
    for step in range(REDRAWS):
        if change:
            made_of, lane = watching._lanes[clip.session_uid]
            anew = watching.Lane(lane.rows, lane.first, lane.codes.copy(), lane.assessed)
            watching._lanes[clip.session_uid] = made_of, anew
        bpy.context.scene.frame_current = 1 + step * 7
        with over(area):
            bpy.ops.wm.redraw_timer(type="DRAW", iterations=1)
        kept.append(max(times))
        times.clear()
        yield 0.02
        times.clear()
    del drawer.draw
    return summary(kept)


def summary(times: list[float]) -> dict[str, float]:
    return {"median_ms": statistics.median(times), "worst_ms": max(times), "count": len(times)}


driver.run(measure())
