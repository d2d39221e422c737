"""The engine's installation as an artist meets it: what is said before, wrong Pythons, the log, and removing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import bpy
import pytest

from tests.blender.studio import MODULE, part

posix = pytest.mark.skipif(os.name == "nt", reason="the programs are shell scripts")


@pytest.fixture
def preferences(studio):
    """Yield the preferences with no Python chosen; what tests choose is cleared again."""
    studio.session.close()
    chosen = bpy.context.preferences.addons[MODULE].preferences
    chosen.engine_python = ""
    part("addon.engine_setup").forget()
    yield chosen
    chosen.torch_build, chosen.wheel_folder = "auto", ""
    part("addon.engine_setup").forget()


def problem():
    setup = part("addon.engine_setup")
    setup.forget()
    return setup.problem()


def own_folder() -> Path:
    """Return where Install Engine installs, which the studio keeps in a folder of the test."""
    return part("engine.shared.user_folders").environment_folder()


def write_marker(folder: Path, requirements, *, complete: bool = True) -> None:
    """Let a folder look like an environment of Keymatte's."""
    folders = part("engine.shared.environment_folder")
    python = folders.python_in(folder)
    python.parent.mkdir(parents=True)
    python.write_text("")
    folders.write_marker(folder, folders.Marker(tuple(requirements), complete=complete))


def test_panels_are_told_in_which_state_the_engine_is(preferences, tmp_path):
    needed = part("addon.environment").needed()
    assert problem().code == "engine-missing"
    write_marker(own_folder(), needed, complete=False)
    assert problem().code == "engine-partly" and "goes on from there" in problem().remedy
    part("engine.shared.environment_folder").remove(own_folder())
    write_marker(own_folder(), ["torch==1"])
    assert problem().code == "engine-outdated"
    preferences.engine_python = str(tmp_path / "python")
    assert problem().code == "python-missing"
    preferences.engine_python = sys.executable
    assert problem() is None and part("addon.engine_setup").is_ready()


def test_an_engine_at_the_place_of_earlier_versions_is_used_until_there_is_a_new_one(preferences):
    environment = part("addon.environment")
    old = environment.former_folder()
    write_marker(old, environment.needed())
    try:
        assert problem() is None
        assert environment.installed_folder() == old
        assert part("addon.engine_setup").is_at_former_place()
        write_marker(own_folder(), environment.needed())
        assert environment.installed_folder() == own_folder()
        assert problem() is None and not part("addon.engine_setup").is_at_former_place()
        assert part("addon.installation").removable() == [old, own_folder()]
    finally:
        part("engine.shared.environment_folder").remove(old)


def test_before_installing_it_is_said_what_why_how_much_and_where(preferences):
    preferences.torch_build = "auto"
    plan = dict(part("addon.engine_setup").plan())
    assert plan["GPU"] and plan["PyTorch"]
    assert "to download" in plan["Size"] and "GB free" in plan["Size"]
    assert plan["Folder"] == str(own_folder())
    assert "to download" in part("addon.engine_setup").build_text()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems offer other builds")
def test_the_build_can_be_chosen_and_goes_into_the_command(preferences, tmp_path):
    (tmp_path / "a-1-py3-none-any.whl").write_bytes(b"")
    preferences.torch_build, preferences.wheel_folder = "cu126", str(tmp_path)
    assert part("addon.engine_setup").choice().build.label == "NVIDIA (CUDA 12.6)"
    command = part("addon.installation").install_command(again=True)
    assert command[command.index("--build") + 1] == "cu126"
    assert command[command.index("--wheels") + 1] == str(tmp_path)
    assert command[command.index("--install") + 1] == str(own_folder())
    assert "--again" in command


def test_a_folder_of_wheels_needs_no_online_access_but_must_have_wheels(preferences, tmp_path):
    assert not bpy.app.online_access
    assert part("addon.engine_setup").obstacle().code == "offline"
    preferences.wheel_folder = str(tmp_path / "nothing")
    with pytest.raises(RuntimeError, match="There is no folder of wheels"):
        bpy.ops.clip.matte_install_engine(wait=True)
    preferences.wheel_folder = str(tmp_path)
    with pytest.raises(RuntimeError, match="There are no wheels in"):
        bpy.ops.clip.matte_install_engine(wait=True)
    (tmp_path / "torch-9-py3-none-any.whl").write_bytes(b"")
    assert part("addon.engine_setup").obstacle() is None


def test_missing_wheels_are_named_and_the_installation_is_told_to_be_partial(preferences, tmp_path):
    """Run the real installer, venv and pip, on a folder with no wheel of what is needed."""
    (tmp_path / "other-1.0-py3-none-any.whl").write_bytes(b"")
    preferences.wheel_folder = str(tmp_path)
    with pytest.raises(RuntimeError, match=r"The folder of wheels .* has no package \S+.*Put it there, or"):
        bpy.ops.clip.matte_install_engine(wait=True)
    assert problem().code == "engine-partly"
    bpy.ops.clip.matte_show_log()
    text = bpy.data.texts["Keymatte Log"].as_string()
    assert "No matching distribution found" in text and "only partly installed" in text
    assert bpy.ops.clip.matte_remove_engine(wait=True) == {"FINISHED"}
    assert not own_folder().exists()
    assert part("addon.session").session.status.text.endswith("GB were freed")
    with pytest.raises(RuntimeError, match="There is no engine to remove"):
        bpy.ops.clip.matte_remove_engine(wait=True)


def test_a_python_without_pytorch_is_told_in_a_sentence_and_remembered(preferences, tmp_path):
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True, timeout=60)
    python = tmp_path / "bare" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    preferences.engine_python = str(python)
    with pytest.raises(RuntimeError) as caught:
        bpy.ops.clip.matte_test_engine(wait=True)
    assert f"The Python at {python} has no PyTorch. Choose another in Keymatte's preferences" in str(caught.value)
    assert "SIGABRT" not in str(caught.value) and "tstate" not in str(caught.value)
    assert problem().code == "python-unsuitable"
    preferences.engine_python = sys.executable
    assert problem() is None


@posix
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("#!/bin/sh\necho usage: other program >&2; exit 1\n", "did not start the engine: it exited with status 1"),
        ("not a program", "cannot be started|did not start the engine"),
    ],
)
def test_a_program_that_is_no_python_is_told(preferences, tmp_path, body, words):
    program = tmp_path / "program"
    program.write_text(body)
    program.chmod(0o755)
    preferences.engine_python = str(program)
    with pytest.raises(RuntimeError, match=words) as caught:
        bpy.ops.clip.matte_test_engine(wait=True)
    assert "Choose another in Keymatte's preferences" in str(caught.value)


def test_a_folder_instead_of_a_python_is_told(preferences, tmp_path):
    preferences.engine_python = str(tmp_path)
    with pytest.raises(RuntimeError, match=r"is a folder, not a Python\. Choose the program in it"):
        bpy.ops.clip.matte_test_engine(wait=True)


def test_spaces_in_the_field_are_no_python(preferences):
    preferences.engine_python = preferences.wheel_folder = "  "
    assert problem().code == "engine-missing"
    assert part("addon.installation").wheel_folder() is None


def test_the_log_keeps_what_an_engine_said_that_has_ended(studio):
    assert bpy.ops.clip.matte_test_engine(wait=True) == {"FINISHED"}
    client = studio.session._client
    client.keep("the last words")
    studio.session.close()
    bpy.ops.clip.matte_show_log()
    text = bpy.data.texts["Keymatte Log"]
    assert "the last words" in text.as_string() and "GPU: " in text.as_string()
    assert not text.use_fake_user  # not saved with the artist's file
