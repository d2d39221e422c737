"""Uninstalling, reinstalling or disabling the extension deletes no keyframes and mattes, whether the file was saved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import bpy

from tests.blender.conftest import ENGINE_PYTHON, ROOT
from tests.blender.studio import MODULE, part

SCRIPT = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
os.environ["BLENDER_USER_RESOURCES"] = sys.argv[2]
os.environ["KEYMATTE_DATA"] = sys.argv[3]
import bpy
from tests.blender.studio import MODULE, Studio, part

def install():
    bpy.ops.extensions.package_install_files(
        filepath=sys.argv[5], repo="user_default", enable_on_install=True, overwrite=True
    )
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python, preferences.device = sys.argv[6], "cpu"

def uninstall():
    index = next(n for n, repo in enumerate(bpy.context.preferences.extensions.repos) if repo.module == "user_default")
    assert "FINISHED" in bpy.ops.extensions.package_uninstall(repo_index=index, pkg_id="keymatte")
    assert MODULE not in bpy.context.preferences.addons
    for name in [name for name in sys.modules if name.startswith(MODULE)]:
        del sys.modules[name]  # as after Blender is started again

folder = Path(sys.argv[4])
install()
studio = Studio(folder)
own = Path(bpy.utils.extension_path_user(MODULE, path="mattes", create=True))
bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
studio.open_marked()
studio.propagate()
homeless = studio.matte_folder.root
lists = bpy.app.handlers.save_pre, bpy.app.handlers.save_post
kept = [[*one] for one in lists]
for one in lists:
    one.clear()  # Blender calls none for the file that it saves by itself
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "recovered.blend"), copy=True)
for one, handlers in zip(lists, kept):
    one.extend(handlers)
uninstall()
assert not own.exists(), "Blender removes the extension's own folder"
assert len([*homeless.glob("labels/*.png")]) == 8, "but not the work"
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "without.blend"))
install()
for name in ("recovered.blend", "without.blend"):
    bpy.ops.wm.open_mainfile(filepath=str(folder / name))
    studio = Studio(folder)
    assert len(part("addon.folders").results(studio.clip).numbers) == 8, name
    assert len(part("addon.keyframes").keyframe_files(studio.clip)) == 2, name
bpy.ops.wm.save_mainfile()
root = studio.matte_folder.root
assert root.parent == folder / "keymatte", root
uninstall()
assert len([*root.glob("labels/*.png")]) == 8
install()
bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
studio = Studio(folder)
studio.area.type, studio.space.clip = "CLIP_EDITOR", studio.clip
assert studio.propagate() == {"FINISHED"}
uninstall()
print("KEPT", flush=True)
os._exit(0)
"""


def test_uninstalling_and_reinstalling_deletes_no_work(extension, tmp_path):
    archive = os.environ.get("KEYMATTE_ZIP") or str(next((ROOT / "build").glob("keymatte-*.zip")))
    (tmp_path / "project").mkdir()
    words = (ROOT, tmp_path / "user", tmp_path / "data", tmp_path / "project", Path(archive).absolute(), ENGINE_PYTHON)
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert "KEPT" in ended.stdout, ended.stdout[-3000:] + ended.stderr[-3000:]


def test_disabling_during_a_run_keeps_what_was_made(studio):
    studio.open_marked(frames=120)
    studio.click("matte_propagate", recipe="colour")
    studio.pump_until(lambda: len(part("addon.folders").results(studio.clip).numbers) > 5)
    root = studio.matte_folder.root
    preferences = bpy.context.preferences.addons[MODULE].preferences
    python, weights = preferences.engine_python, preferences.weights_folder
    bpy.ops.preferences.addon_disable(module=MODULE)
    bpy.ops.preferences.addon_enable(module=MODULE)
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python, preferences.weights_folder, preferences.device = python, weights, "cpu"
    assert studio.matte_folder.root == root and len(studio.clip.matting.keyframes) == 2
    assert 5 < len([*root.glob("labels/*.png")]) < 120
    part("addon.session").session.reset()
    studio.session = part("addon.session").session
    studio.clip.matting.use_range = False
    assert studio.propagate() == {"FINISHED"}
    assert len([*root.glob("labels/*.png")]) == 120
