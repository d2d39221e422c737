"""Adapting to a shot: it learns from keyframes, is kept only where it helps, and stays with the shot."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.adaptation import finetune
from engine.adaptation.augmentation import AugmentationRange, Augmenter
from engine.adaptation.finetune import examples_of, fit, learn, loss_of
from engine.adaptation.validation import AnnotatedFrame, Show
from engine.checkpoints import loading
from engine.inference.framing import Framing
from engine.media.label_images import write_labels
from engine.networks.keymatte import Keymatte
from engine.shared.errors import BadSetting
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Answer, Finished, JobCancelled, Stage
from engine.shared.types import Settings
from tests import films
from tests.engine.jobs.test_propagate import job_of, run
from tests.films import Film

FEW = Settings(overrides={"adapt.steps": "8"}, adapt=True)
STILL = AugmentationRange(shift=0, turn=0, zoom=0, bend=0, apart=0, light=0, mirrored=0)


def marked(film: Film, frames: tuple[int, ...], objects: tuple[int, ...] = (1,)) -> list[AnnotatedFrame]:
    height, width = film.labels.shape[1:]
    framing = Framing.fit(height, width, working_height=480, stride=32)
    return [
        AnnotatedFrame(
            frame,
            framing.apply(film.frames[frame], torch.device("cpu")),
            framing.apply_masks(torch.from_numpy(np.stack([film.mask(frame, number) for number in objects])).float()),
        )
        for frame in frames
    ]


def shown(film: Film) -> Show:
    framing = Framing.fit(*film.labels.shape[1:], working_height=480, stride=32)
    return lambda frame: framing.apply(film.frames[frame], torch.device("cpu"))


def hub_of_a_wheel() -> Film:
    """A disc whose middle is the object: where that ends is nowhere to be seen, and has to be learned."""
    film = films.moving_disc(8, height=128, width=160)
    labels = np.zeros_like(film.labels)
    y, x = np.mgrid[:128, :160]
    for frame, whole in enumerate(film.labels):
        rows, columns = np.nonzero(whole)
        labels[frame] = np.hypot(y - rows.mean(), x - columns.mean()) < 13
    return Film(film.frames, labels)


def weights_of(network: Keymatte) -> str:
    return hashlib.sha256(b"".join(weight.numpy().tobytes() for weight in network.state_dict().values())).hexdigest()


# -- copies ------------------------------------------------------------------------------------------------------------
def test_a_copy_that_may_not_differ_is_the_picture():
    image, masks = torch.rand(1, 3, 64, 96), (torch.rand(2, 64, 96) > 0.5).float()
    copied, copied_masks = Augmenter(1).copy(image, masks, STILL)
    assert torch.allclose(copied, image, atol=1e-3)
    assert torch.allclose(copied_masks, masks, atol=1e-3)


@pytest.mark.parametrize("kind", ["shift", "turn", "zoom", "bend", "apart", "light", "mirrored"])
def test_every_kind_of_change_changes_the_picture_and_the_mask_goes_along(kind: str):
    (one,) = marked(films.moving_disc(1, height=96, width=128), (0,))
    image = (0.1 + 0.8 * one.masks).expand(1, 3, -1, -1)
    copied, masks = Augmenter(3).copy(image, one.masks, replace(STILL, **{kind: 1.0 if kind == "mirrored" else 0.1}))
    assert (copied - image).abs().mean() > 0.003
    assert ((copied[0, 0] > 0.5) == (masks[0] > 0.5)).float().mean() > 0.99


# -- examples ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("frames", [(0, 3, 7), (0,)])
def test_of_lessons_and_exams_some_carry_true_masks_and_some_what_was_found(network, frames: tuple[int, ...]):
    examples = list(examples_of(network, marked(hub_of_a_wheel(), frames), Augmenter(1), 6))
    assert {(one.exam, one.carried) for one in examples} == {(a, b) for a in (True, False) for b in (True, False)}
    assert {one.fold for one in examples if one.exam} == {0, 1}
    for one in (one for one in examples if one.carried):
        moved, truth = one.inputs[3][0, 0] > 0.5, one.labels[::2, ::2] > 0
        assert (moved & truth).sum() > 0.6 * (moved | truth).sum()


# -- learning ----------------------------------------------------------------------------------------------------------
def test_the_loss_falls_on_what_is_learned_and_the_quality_head_stays(network):
    augmenter = Augmenter(1)
    lessons = [one for one in examples_of(network, marked(hub_of_a_wheel(), (0, 4)), augmenter, 2) if not one.exam]
    before = [float(loss_of(network.decoder, lesson)) for lesson in lessons]
    quality = [weight.clone() for weight in network.decoder.quality.parameters()]
    assert list(learn(network.decoder, lessons, 30, augmenter)) == list(range(1, 31))
    assert sum(float(loss_of(network.decoder, lesson)) for lesson in lessons) < 0.8 * sum(before)
    assert all(torch.equal(a, b) for a, b in zip(quality, network.decoder.quality.parameters(), strict=True))
    assert not any(weight.requires_grad for weight in network.parameters())


def test_what_helps_on_keyframes_held_out_is_kept_and_the_network_is_left_as_it_was(network):
    before = weights_of(network)
    told: list[tuple[int, int]] = []
    film = hub_of_a_wheel()
    outcome = fit(network, [marked(film, (0, 3, 7))], steps=40, tell=lambda *now: told.append(now), show=shown(film))
    assert outcome.weights is not None
    assert outcome.after > outcome.before + 1
    assert weights_of(network) == before
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1]
    shipped = network.decoder.state_dict()
    assert shipped.keys() == outcome.weights.keys()
    assert any(not torch.equal(shipped[name], weight) for name, weight in outcome.weights.items())


def test_from_keyframes_that_contradict_each_other_nothing_is_kept(network):
    film = films.look_alikes(2, height=96, width=128)
    other = film.labels[0][:, ::-1]
    film = Film(np.stack([film.frames[0]] * 2), np.stack([film.labels[0], other]))
    outcome = fit(network, [marked(film, (0, 1))], steps=8, tell=lambda done, total: None, show=shown(film))
    assert outcome.weights is None


def test_stopped_in_the_middle_the_network_is_as_it_was(network):
    before = weights_of(network)

    def tell(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(network, [marked(hub_of_a_wheel(), (0,))], steps=8, tell=tell, show=shown(hub_of_a_wheel()))
    assert weights_of(network) == before
    assert not any(weight.requires_grad for weight in network.parameters())


@pytest.mark.parametrize(
    ("walks", "before", "after", "kept"),
    [
        (([[90.0], [80.0]], [[70.0], [75.0]]), 80.0, 77.5, False),
        (([[90.0], [80.0]], [[70.0], [85.0]]), 80.0, 82.5, True),
        (([[90.0, 80.0], [96.0, 80.0]], [[70.0, 50.0], [84.0, 40.0]]), 72.5, 75.0, False),  # one object pays for it
    ],
)
def test_what_is_better_near_keyframes_but_not_on_the_way_to_them_is_not_kept(
    network, monkeypatch, walks, before, after, kept
):
    film = hub_of_a_wheel()
    monkeypatch.setattr(finetune, "validate_by_propagation", lambda *_: iter([None, *walks]))
    outcome = fit(network, [marked(film, (0, 3, 7))], steps=40, tell=lambda done, total: None, show=shown(film))
    assert (outcome.before, outcome.after, outcome.weights is not None) == (before, after, kept)


# -- jobs --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return hub_of_a_wheel().write_images(tmp_path / "clip")


@pytest.fixture
def keyframes(tmp_path: Path) -> Path:
    return hub_of_a_wheel().write_keyframes(tmp_path / "keys", [0, 3, 7])


def answers_to(job, cancelled: Callable[[list[Answer]], bool] = lambda answers: False) -> list[Answer]:
    answers: list[Answer] = []
    run(job, answers.append, lambda: cancelled(answers))
    return answers


def learned_in(answers: list[Answer]) -> bool:
    return any(isinstance(one, Stage) and one.text.startswith("Adapting") for one in answers)


def mattes(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "mattes").rglob("*.png"))]


def test_what_was_learned_stays_in_the_clips_folder_and_changes_nothing_else(clip, keyframes, tmp_path):
    shipped = (loading.BUNDLED / "keymatte.safetensors").read_bytes()
    plain = job_of(clip, keyframes, tmp_path / "plain", recipe="keymatte")
    learning = Settings(overrides={"adapt.steps": "40"}, adapt=True)
    assert isinstance(answers_to(plain)[-1], Finished)
    answers = answers_to(replace(plain, folder=tmp_path / "adapted", settings=learning))
    assert learned_in(answers)
    assert any(isinstance(one, Stage) and one.text.startswith("Adapted: held-out J ") for one in answers)
    assert isinstance(answers[-1], Finished)
    assert mattes(tmp_path / "adapted") != mattes(tmp_path / "plain")
    assert not (tmp_path / "plain" / "adapted.safetensors").exists()
    assert (loading.BUNDLED / "keymatte.safetensors").read_bytes() == shipped
    assert not learned_in(answers_to(replace(plain, folder=tmp_path / "again")))
    assert mattes(tmp_path / "again") == mattes(tmp_path / "plain")
    answers_to(replace(plain, folder=tmp_path / "adapted"))  # without, over one with: what was learned is not used
    assert mattes(tmp_path / "adapted") == mattes(tmp_path / "plain")


def test_it_is_learned_once_and_anew_when_something_changed(clip, keyframes, tmp_path):
    job = job_of(clip, keyframes, tmp_path / "out", recipe="keymatte", settings=FEW, frames=range(3))
    assert learned_in(answers_to(job))
    file = MatteFolder(tmp_path / "out").adapted
    first, made = file.read_bytes(), mattes(tmp_path / "out")
    assert not learned_in(answers_to(job))
    assert file.read_bytes() == first
    assert mattes(tmp_path / "out") == made
    write_labels(keyframes / "shot_0003.png", np.roll(hub_of_a_wheel().labels[3], 3, axis=1))
    assert learned_in(answers_to(job))
    assert file.read_bytes() != first
    more = replace(job, settings=replace(FEW, overrides={"adapt.steps": "9"}))
    assert learned_in(answers_to(more))
    told_less = replace(job, settings=replace(FEW, overrides={**FEW.overrides, "previous.follow": "0"}))
    assert learned_in(answers_to(told_less)), "the decoder is told something else"
    known_less = replace(job, settings=replace(FEW, overrides={**FEW.overrides, "keyframes.enlarged": "100"}))
    assert learned_in(answers_to(known_less)), "another memory is read"
    file.write_bytes(file.read_bytes()[:-9])  # damaged
    assert learned_in(answers_to(known_less))
    assert not learned_in(answers_to(known_less))


@pytest.mark.parametrize("after", [2, 30])
def test_cancelled_while_it_learns_it_leaves_nothing_behind(clip, keyframes, tmp_path, after: int):
    def cancelled(answers: list[Answer]) -> bool:
        return any(isinstance(one, Stage) and one.done >= after for one in answers)

    answers = answers_to(job_of(clip, keyframes, tmp_path / "out", recipe="keymatte", settings=FEW), cancelled)
    assert isinstance(answers[-1], JobCancelled)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["keymatte.json"]


def test_other_recipes_refuse(clip, keyframes, tmp_path):
    with pytest.raises(BadSetting, match="'colour' cannot adapt"):
        answers_to(job_of(clip, keyframes, tmp_path / "out", recipe="colour", settings=Settings(adapt=True)))
    assert not (tmp_path / "out").exists()
