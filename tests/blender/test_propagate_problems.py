"""If a propagation fails, it reports the problem in one sentence, loses no data, and the next run works."""

from __future__ import annotations

import os
import shutil
import signal
import sys

import bpy
import numpy as np
import pytest

from tests.blender.studio import MODULE, part, truth, write_film
from tests.engine_process import engine_process_id


def test_cancelled_job_keeps_finished_frames_and_the_next_run_completes_it(studio):
    studio.open_marked(frames=300)
    studio.click("matte_propagate", recipe="colour")
    studio.pump_until(lambda: len(part("addon.folders").results(studio.clip).numbers) > 3)
    studio.click("matte_cancel")
    studio.pump_until(lambda: studio.state == "cancelled", seconds=10)
    done = part("addon.folders").results(studio.clip).numbers
    assert 3 < len(done) < 300
    assert np.isfinite(studio.matte(1, done[-1])).all()
    studio.scene.frame_start, studio.scene.frame_end = 1, len(done) + 5
    studio.click("matte_range", action="PREVIEW")
    studio.propagate(frames="RANGE")
    assert len(part("addon.folders").results(studio.clip).numbers) >= len(done) + 5


def test_killed_engine_is_reported_and_the_next_run_starts_another(studio):
    studio.open_marked(frames=300)
    studio.click("matte_propagate", recipe="colour")
    studio.pump_until(lambda: studio.session.status.done > 3)
    os.kill(engine_process_id(studio.session), signal.SIGKILL)
    studio.pump_until(lambda: studio.state == "failed")
    problem = studio.session.status.problem
    assert problem.code == "engine-died"
    assert "SIGKILL" in problem.message
    studio.scene.frame_start, studio.scene.frame_end = 1, 5
    studio.click("matte_range", action="PREVIEW")
    assert studio.propagate(frames="RANGE") == {"FINISHED"}


def test_propagate_resumes_after_a_killed_engine(studio):
    studio.open_marked(frames=1200)
    studio.click("matte_propagate", recipe="keymatte")
    studio.pump_until(lambda: any(studio.matte_folder.unfinished.glob("*/memory.safetensors")))
    studio.pump_until(lambda: len(studio.matte_folder.numbers_done()) > 20)
    os.kill(engine_process_id(studio.session), signal.SIGKILL)
    studio.pump_until(lambda: studio.state == "failed")
    done = len(studio.matte_folder.numbers_done())
    assert 20 < done < 1200
    studio.click("matte_propagate", recipe="keymatte")
    studio.pump_until(lambda: studio.session.status.done > 0)
    assert studio.session.status.done > 10
    studio.click("matte_cancel")
    studio.pump_until(lambda: studio.state == "cancelled", seconds=10)
    studio.click("matte_clear")
    assert not studio.matte_folder.unfinished.exists()


def test_propagate_without_a_keyframe_is_refused(studio):
    studio.open_film()
    with pytest.raises(RuntimeError, match=r"no keyframe.*Mark at least one object"):
        studio.propagate()
    assert studio.state == "failed"
    assert studio.session.status.problem.code == "no-keyframes"


def test_missing_clip_file_is_reported_until_it_is_back(studio):
    studio.open_marked()
    film, away = studio.folder / "film", studio.folder / "away"
    shutil.move(film, away)
    with pytest.raises(RuntimeError, match=r"Footage not found: .*Put the file back"):
        studio.propagate()
    shutil.move(away, film)
    assert studio.propagate() == {"FINISHED"}


def test_unreadable_frame_is_reported_and_the_others_are_done(studio):
    studio.open_marked()
    (studio.folder / "film" / "shot_0005.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    studio.propagate()
    assert "could not be read" in studio.session.status.warning
    assert part("addon.folders").results(studio.clip).numbers == (1, 2, 3, 4, 6, 7, 8)


def test_keyframe_of_another_size_is_refused(studio):
    studio.open_marked()
    clip = studio.clip
    for path in (studio.folder / "film").iterdir():
        path.unlink()
    write_film(studio.folder / "film")
    png = part("addon.png")
    version = clip.matting.keyframes[0].version
    kept = studio.matte_folder.root / "keyframes" / "versions" / f"{version}.png"
    png.write_grey(kept, truth(0)[:40])
    with pytest.raises(RuntimeError, match="120x40, but the clip is 120x80"):
        studio.propagate()


def test_missing_keyframe_image_is_reported(studio):
    studio.open_marked()
    shutil.rmtree(studio.matte_folder.root / "keyframes")
    with pytest.raises(RuntimeError, match="The image of the keyframe on frame 1 is missing"):
        studio.propagate()


def test_keyframe_outside_a_shortened_clip_is_refused(studio):
    studio.open_film()
    studio.mark(8, media=7, objects=1)
    key = studio.clip.matting.keyframes[0]
    key.number = 30
    with pytest.raises(RuntimeError, match="on frame 30 is outside the clip"):
        studio.propagate()


def test_missing_engine_is_reported_with_where_to_get_it(studio):
    studio.open_marked()
    preferences = bpy.context.preferences.addons[MODULE].preferences
    studio.session.close()
    preferences.engine_python = ""
    with pytest.raises(RuntimeError, match=r"engine is not installed.*Keymatte's preferences"):
        studio.propagate()
    assert studio.session.status.problem.code == "engine-missing"
    preferences.engine_python = str(studio.folder / "python")
    with pytest.raises(RuntimeError, match="There is no Python at"):
        studio.propagate()


def test_python_without_pytorch_is_reported_with_its_last_error_line(studio):
    studio.open_marked()
    studio.session.close()
    script = studio.folder / "python"
    script.write_text(f"#!/bin/sh\nexec {sys.executable} -I -c 'import torch_that_is_not_there'\n")
    script.chmod(0o755)
    bpy.context.preferences.addons[MODULE].preferences.engine_python = str(script)
    with pytest.raises(RuntimeError, match="torch_that_is_not_there"):
        studio.propagate()


def test_loading_another_file_drops_the_job_silently(studio):
    studio.open_marked(frames=300)
    studio.click("matte_propagate", recipe="colour")
    studio.pump_until(lambda: studio.session.status.done > 3)
    studio.new_file()
    assert studio.state == "idle"
    studio.pump_until(lambda: not studio.session.unanswered, seconds=10)
    assert studio.state == "idle"
    studio.open(write_film(studio.folder / "another", frames=4))
    studio.mark(1, media=0)
    assert studio.propagate() == {"FINISHED"}


def test_the_engine_can_be_tested(studio):
    with studio.editor():
        assert bpy.ops.clip.matte_test_engine(wait=True) == {"FINISHED"}
    assert "is ready, on CPU" in studio.session.status.text


def test_installing_offline_is_refused_with_a_remedy(studio):
    assert not bpy.app.online_access
    with pytest.raises(RuntimeError, match="Allow Online Access"):
        bpy.ops.clip.matte_install_engine()


@pytest.mark.parametrize("frames", [(1, 250), (1010, 1020)])
def test_range_outside_the_clip_is_refused(studio, frames):
    studio.open_marked(start=1001)
    studio.scene.frame_start, studio.scene.frame_end = frames
    asked = f"range, {frames[0]} to {frames[1]}, is outside the clip, which has frames 1001 to 1008.*Set a preview"
    with pytest.raises(RuntimeError, match=asked):
        studio.click("matte_range", action="PREVIEW")
    with pytest.raises(RuntimeError, match=r"has no in/out range\. Set it with In and Out"):
        studio.propagate(frames="RANGE")
    assert studio.session.status.problem.code == "bad-setting"
    assert not part("addon.folders").results(studio.clip).numbers


def test_another_python_is_used_from_the_next_run_on(studio):
    studio.open_marked(frames=3)
    studio.propagate()
    first = engine_process_id(studio.session)
    preferences = bpy.context.preferences.addons[MODULE].preferences
    script = studio.folder / "python"
    script.write_text(f'#!/bin/sh\nexec {preferences.engine_python} "$@"\n')
    script.chmod(0o755)
    preferences.engine_python = str(script)
    studio.propagate()
    second = engine_process_id(studio.session)
    assert second != first
    studio.propagate()
    assert engine_process_id(studio.session) == second
