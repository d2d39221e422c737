"""Speed and memory of the overlay: plays clips of 480p, 1080p and 4K with and without it; run by Blender.

    blender --factory-startup --python tests/windowed/overlay_speed.py -- ZIP PYTHON OUT [SIZE,SIZE...]

See `driver` for ZIP, PYTHON and OUT. The clips and mattes are made here. Each size is played without the overlay (off),
with it when it has read nothing before, so that each matte is decoded and uploaded (on), and once more (on_again).
`report.json` gets the frames per second, their ratios to those without, the latency of a stroke, the time of a redraw
with and without before and after side by side, and how memory grew over 1,000 frames.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.png import write_png
from tests.windowed import driver
from tests.windowed.driver import OUT, Steps, only_a_clip_editor, over, part, report, show_tab

SIZES = {"480p": (854, 480), "1080p": (1920, 1080), "4K": (3840, 2160)}
FRAMES, PASSES = 16, 8
LONG = 1000  # frames of the memory measurement
STROKES = 30


def measure() -> Steps:
    """Measure each size, and then the memory at 1080p."""
    yield 1.0
    driver.install()
    area = yield from only_a_clip_editor()
    chosen = sys.argv[-1].split(",") if sys.argv[-1].split(",")[0] in SIZES else list(SIZES)
    for name in chosen:
        clip = make_clip(area, name, *SIZES[name])
        yield from show_tab(area)
        with over(area):
            bpy.ops.clip.view_all()
        clip.matting.show_overlay = False
        yield from played(FRAMES)  # so that Blender has all frames in its cache
        rates: dict[str, list[float]] = {"off": [], "on": [], "on_again": []}
        for _ in range(PASSES):
            for kind, found in rates.items():
                clip.matting.show_overlay = kind != "off"
                if kind == "on":
                    forget()
                found.append((yield from played(FRAMES)))
        report[name] = {"all": rates} | {kind: statistics.median(found) for kind, found in rates.items()}
        for kind in ("on", "on_again"):  # by passes, as other work on the machine slows neighbouring passes alike
            ratios = [on / off for on, off in zip(rates[kind], rates["off"])]
            report[name][f"ratio_{kind}"] = statistics.median(ratios)
        driver.screenshot(f"playing {name}")
        clip.matting.show_overlay = True
        report[name]["stroke_ms"] = yield from stroke(area, clip)
        report[name]["compared_ms"] = yield from compared(area, clip)
        print(name, report[name], flush=True)
    if "1080p" in chosen:
        area.spaces.active.clip = bpy.data.movieclips["1080p"]
        report["memory"] = yield from memory()


def make_clip(area: bpy.types.Area, name: str, width: int, height: int) -> bpy.types.MovieClip:
    """Make a film of a moving object with soft hair, with its mattes, and open it."""
    film = OUT / name
    film.mkdir(exist_ok=True)
    for frame in range(FRAMES):
        alpha = hairy(width, height, frame)
        picture = np.stack([alpha, 255 - alpha // 2, np.full_like(alpha, 60)], axis=-1)
        write_png(film / f"{frame + 1:04d}.png", picture)
    clip = driver.open_clip(area, film / "0001.png", name=name)
    with over(area):
        bpy.ops.clip.matte_object_add(name="hair")
    mattes = part("addon.folders").matte_folder(clip).matte_sequence(1)
    mattes.mkdir(parents=True, exist_ok=True)
    for frame in range(FRAMES):
        part("addon.png").write_grey(mattes / f"{frame + 1:06d}.png", hairy(width, height, frame))
    return clip


def hairy(width: int, height: int, frame: int) -> np.ndarray:
    """Return the alpha (H, W) uint8 of a disc with rays that fade out around it."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = columns - width * (0.4 + 0.01 * frame), rows - height * 0.55
    away, turn = np.hypot(x, y) / (height * 0.3), np.arctan2(y, x)
    rays = np.clip(1.35 - away, 0, 0.35) / 0.35 * (np.sin(turn * 60) > 0.2)
    return (np.clip(np.maximum((1 - away) * height * 0.15, rays), 0, 1) * 255).astype(np.uint8)


def forget() -> None:
    overlay = part("ui.overlay")
    overlay._reader.forget()
    overlay._textures.clear()


def played(frames: int) -> Generator[float, None, float]:
    """Play the scene for a number of frames from the start. Returns the frames per second."""
    scene = bpy.context.scene
    scene.render.fps, scene.sync_mode = 240, "NONE"  # as fast as it goes, without leaving out frames
    scene.frame_set(1)
    yield 0.3
    shown: list[float] = []

    def count(*_: object) -> None:
        shown.append(time.perf_counter())

    bpy.app.handlers.frame_change_post.append(count)
    with over(driver.largest_area()):
        bpy.ops.screen.animation_play()
    while len(shown) <= frames:
        yield 0.02
    with over(driver.largest_area()):
        bpy.ops.screen.animation_cancel(restore_frame=False)
    bpy.app.handlers.frame_change_post.remove(count)
    yield 0.2
    return (len(shown) - 1) / (shown[-1] - shown[0])


def stroke(area: bpy.types.Area, clip: bpy.types.MovieClip) -> Generator[float, None, dict[str, float]]:
    """Measure the time from a change of the canvas until it is drawn.

    Returns the medians in ms of the overlay's own part, of a whole redraw with it, and of one without it.
    """
    canvas, overlay = part("addon.canvas"), part("ui.overlay")
    width, height = clip.size
    bpy.context.scene.frame_current = 1
    yield 1.0
    alpha = hairy(width, height, 0)
    canvas.current = canvas.Canvas(clip.session_uid, 1, 1, alpha)

    def redrawn() -> float:
        with over(area):
            started = time.perf_counter()
            bpy.ops.wm.redraw_timer(type="DRAW", iterations=1)
            return (time.perf_counter() - started) * 1000

    own = Timed(overlay, "_draw_clip")
    whole = []
    for step in range(STROKES):
        size = max(8, height // 40)
        left, top = int(width * (0.1 + 0.7 * step / STROKES)), int(height * 0.2)
        changed = canvas.Rectangle(left, top, left + size, top + size)
        alpha[changed.slices] = 255
        canvas.current.changed.append(changed)
        whole.append(redrawn())
        yield 0.01
    overlay._draw_clip = own.function
    driver.screenshot(f"stroke {clip.name}")
    canvas.current = None
    clip.matting.show_overlay = False
    without = [redrawn() for _ in range(10)]
    parts = {"overlay": own.times[2:], "redraw": whole[2:], "redraw_without": without[2:]}
    return {name: statistics.median(times) for name, times in parts.items()}


def compared(area: bpy.types.Area, clip: bpy.types.MovieClip) -> Generator[float, None, dict[str, float]]:
    """Measure the overlay's part of a redraw when all is read, with one state of the mattes and with two.

    Returns the medians in ms.
    """
    store, folder = part("engine.shared.version_store"), part("addon.folders").existing_folder(clip)
    version, side, rows = store.Version(folder.versions / "000001"), store.Side.BEFORE, []
    for number in range(1, FRAMES + 1):
        name = folder.matte(1, number).relative_to(folder.root).as_posix()
        version.file(side, name).parent.mkdir(parents=True, exist_ok=True)
        part("addon.png").write_grey(version.file(side, name), hairy(*clip.size, number + 6))
        rows.append(store.Row(name, version.file(side, name).stat().st_size))
    version.write_info(store.RunInfo("a", "keymatte", "a"))
    version.write_rows(side, rows)
    clip.matting.show_overlay = True
    medians = {}
    for kind in ("one_state", "two_states"):
        clip.matting.show_before = kind == "two_states"
        for _ in range(2):  # so that all is read and uploaded in the first
            own = Timed(part("ui.overlay"), "_draw_clip")
            for frame in range(1, FRAMES + 1):
                bpy.context.scene.frame_current = frame
                with over(area):
                    bpy.ops.wm.redraw_timer(type="DRAW", iterations=1)
                yield 0.05
            part("ui.overlay")._draw_clip = own.function
        medians[kind] = statistics.median(own.times)
    driver.screenshot(f"compared {clip.name}")
    clip.matting.show_before = False
    return medians


class Timed:
    """Replaces a function of a module by itself, with its times in ms noted."""

    def __init__(self, module, name: str) -> None:
        self.function: Callable = getattr(module, name)
        self.times: list[float] = []
        setattr(module, name, self)

    def __call__(self, *arguments):
        started = time.perf_counter()
        try:
            return self.function(*arguments)
        finally:
            self.times.append((time.perf_counter() - started) * 1000)


def memory() -> Generator[float, None, dict[str, float]]:
    """Play 1,000 frames with the overlay. Returns the process's memory in MB at the first fifth and at the end."""
    clip = driver.largest_area().spaces.active.clip
    clip.matting.show_overlay = True
    yield from played(LONG // 5)
    early = resident()
    for _ in range(4):
        forget()
        yield from played(LONG // 5)
    overlay = part("ui.overlay")
    return {
        "early_mb": early,
        "late_mb": resident(),
        "growth_mb": resident() - early,
        "pictures_mb": overlay._reader.bytes_held / 1e6,
        "textures_mb": overlay._textures.bytes_held / 1e6,
        "textures": len(overlay._textures),
    }


def resident() -> float:
    """Return the memory of this process in MB. Linux only."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


driver.run(measure())
