"""Refined mattes are what is delivered, as long as an object has them on all frames and they are up to date."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.jobs.refine import run
from engine.shared.delivery import ExportJob
from engine.shared.folder_claim import MARKER
from engine.shared.matte_folder import MatteFolder
from engine.shared.refinement import EdgeMethod, RefinedObject, Refinement
from engine.shared.types import RefineJob
from tests.engine.delivery.shots import COUNT, FIRST, FOLDERS, NAMES, STEMS, alphas, deliver, write_matte

CRISP = Refinement(EdgeMethod.KEEP, softness=0.4, smoothing=0.5)  # so that each depends on those beside it


@pytest.fixture
def refined(job: ExportJob) -> ExportJob:
    """A job of which the first object is refined."""
    (job.folder / MARKER).write_text('{"keymatte": "0"}')
    objects = (RefinedObject(1, CRISP),)
    run(RefineJob("r", job.clip, job.folder, job.frames, objects), lambda answer: None, lambda: False)
    return replace(job, objects=(replace(job.objects[0], refinement=CRISP), job.objects[1]), depth=16)


def delivered(job: ExportJob, index: int, frame: int) -> np.ndarray:
    return cv2.imread(str(job.out / FOLDERS[index] / f"{STEMS[frame]}.png"), cv2.IMREAD_UNCHANGED)


def refined_matte(job: ExportJob, frame: int) -> np.ndarray:
    path = MatteFolder(job.folder).refined.matte(1, FIRST + frame)
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_refined_mattes_are_delivered_with_all_their_bits(refined):
    assert deliver(refined).warning == ""
    for frame in range(COUNT):
        assert np.array_equal(delivered(refined, 0, frame), refined_matte(refined, frame))
        assert np.abs(refined_matte(refined, frame) / 65535 - alphas(frame)[0]).max() > 0.05
        assert np.array_equal(delivered(refined, 1, frame), np.rint(alphas(frame)[1] * 65535))


def test_mattes_that_are_not_all_refined_are_delivered_as_they_are_and_told(refined):
    """Refined and other mattes in turn would flicker."""
    write_matte(MatteFolder(refined.folder), 1, COUNT - 1, alphas(0)[0])
    finished = deliver(refined)
    assert (
        f"{NAMES[0]} is delivered with its mattes as they are, since 2 mattes of it are not refined" in finished.warning
    )
    assert np.array_equal(delivered(refined, 0, 1), np.rint(alphas(1)[0] * 65535))
    assert deliver(refined, frames=range(COUNT - 2)).warning == "", "those frames are all refined"
    assert np.array_equal(delivered(refined, 0, 1), refined_matte(refined, 1))


def test_mattes_refined_by_other_settings_are_not_the_final_ones(refined):
    other = replace(refined.objects[0], refinement=replace(CRISP, grow=1.0))
    assert f"{COUNT} mattes of it are not refined" in deliver(refined, objects=(other,)).warning
    unrefined = replace(refined.objects[0], refinement=None)
    assert deliver(refined, objects=(unrefined,)).warning == ""
    assert np.array_equal(delivered(refined, 0, 1), np.rint(alphas(1)[0] * 65535))


def test_without_settings_those_that_are_there_can_be_delivered(refined):
    """So does the command line, which is not told how the mattes were refined."""
    unrefined = tuple(replace(one, refinement=None) for one in refined.objects)
    assert deliver(refined, objects=unrefined, refined_anyhow=True).warning == ""
    assert np.array_equal(delivered(refined, 0, 2), refined_matte(refined, 2))
    assert np.array_equal(delivered(refined, 1, 2), np.rint(alphas(2)[1] * 65535))
    write_matte(MatteFolder(refined.folder), 1, 2, alphas(0)[0])
    assert "3 mattes of it are not refined" in deliver(refined, objects=unrefined, refined_anyhow=True).warning
    assert np.array_equal(delivered(refined, 0, 2), np.rint(alphas(0)[0] * 65535)), "the refined ones are stale"


def test_mattes_that_were_refined_by_different_settings_are_told(refined):
    """As after a run that was killed in the middle, or was given a part of the frames."""
    unrefined = tuple(replace(one, refinement=None) for one in refined.objects)
    other = (RefinedObject(1, replace(CRISP, grow=1.0)),)
    run(RefineJob("r", refined.clip, refined.folder, range(2), other), lambda answer: None, lambda: False)
    finished = deliver(refined, objects=unrefined, refined_anyhow=True)
    assert finished.warning == f"Mattes of {NAMES[0]} were refined by different settings, and may flicker"
    assert deliver(refined, objects=unrefined, refined_anyhow=True, frames=range(2)).warning == ""
    assert deliver(refined, objects=unrefined).warning == "", "those are the mattes as they are"
