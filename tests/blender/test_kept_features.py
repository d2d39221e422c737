"""Kept features: how much the preferences allow is what a job is given, and they can be cleared."""

from __future__ import annotations

import bpy
import pytest

from tests.blender.studio import part


@pytest.fixture
def preferences():
    found = part("addon.environment").preferences()
    yield found
    found.property_unset("feature_gigabytes")


def files() -> list[str]:
    kept = part("engine.shared.kept_features")
    return sorted(path.name for path in kept.feature_files(kept.features_folder()))


def test_the_size_is_passed_with_each_job(studio, preferences):
    types, jobs = part("engine.shared.types"), part("addon.jobs")
    studio.open_marked()
    frames = range(studio.clip.frame_duration)
    gather = jobs.gather_job(studio.clip, frames, types.Direction.BOTH)
    assert gather.feature_bytes == types.FEATURE_BYTES == 4 * 10**9, "the preferences have the engine's own default"
    preferences.feature_gigabytes = 1.5
    assert jobs.gather_job(studio.clip, frames, types.Direction.BOTH).feature_bytes == 1_500_000_000
    studio.propagate()
    assert jobs.gather_suggestion(studio.clip).feature_bytes == 1_500_000_000


def test_features_are_kept_unless_the_size_is_0_and_cleared_with_a_button(studio, preferences, monkeypatch, tmp_path):
    studio.session.close()  # so that another engine is started, with this folder
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    studio.open_marked()
    preferences.feature_gigabytes = 0.0
    studio.propagate(recipe="")
    assert files() == []
    preferences.feature_gigabytes = 1.0
    studio.propagate(recipe="", everything=True)
    assert len(files()) == studio.clip.frame_duration
    mattes = {path: path.read_bytes() for path in studio.matte_folder.root.rglob("*.png")}
    assert bpy.ops.clip.matte_clear_features() == {"FINISHED"}
    assert files() == []
    assert {path: path.read_bytes() for path in studio.matte_folder.root.rglob("*.png")} == mattes
    studio.session.close()
