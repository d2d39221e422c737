"""Adapting to a shot trains on its keyframes, keeps the weights only if they help, and uses them for that shot only."""

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
from engine.adaptation.finetune import example_loss, fit, make_examples, train
from engine.adaptation.validation import AnnotatedFrame, ReadImage
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

FEW_STEPS = Settings(overrides={"adapt.steps": "8"}, adapt=True)
STILL = AugmentationRange(shift=0, rotation=0, zoom=0, elastic=0, object_shift=0, photometric=0, flip_probability=0)


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


def shown(film: Film) -> ReadImage:
    framing = Framing.fit(*film.labels.shape[1:], working_height=480, stride=32)
    return lambda frame: framing.apply(film.frames[frame], torch.device("cpu"))


def hub_of_a_wheel() -> Film:
    """Return a film of a plain disc whose inner part is the object: only keyframes show where the object ends."""
    film = films.moving_disc(8, height=128, width=160)
    labels = np.zeros_like(film.labels)
    y, x = np.mgrid[:128, :160]
    for frame, disc in enumerate(film.labels):
        rows, columns = np.nonzero(disc)
        labels[frame] = np.hypot(y - rows.mean(), x - columns.mean()) < 13
    return Film(film.frames, labels)


def weights_of(network: Keymatte) -> str:
    return hashlib.sha256(b"".join(weight.numpy().tobytes() for weight in network.state_dict().values())).hexdigest()


# -- copies ------------------------------------------------------------------------------------------------------------
def test_augmentation_of_zero_range_is_the_identity():
    image, masks = torch.rand(1, 3, 64, 96), (torch.rand(2, 64, 96) > 0.5).float()
    copied, copied_masks = Augmenter(1).copy(image, masks, STILL)
    assert torch.allclose(copied, image, atol=1e-3)
    assert torch.allclose(copied_masks, masks, atol=1e-3)


@pytest.mark.parametrize(
    "kind", ["shift", "rotation", "zoom", "elastic", "object_shift", "photometric", "flip_probability"]
)
def test_every_augmentation_changes_the_image_and_moves_the_mask_with_it(kind: str):
    (frame,) = marked(films.moving_disc(1, height=96, width=128), (0,))
    image = (0.1 + 0.8 * frame.masks).expand(1, 3, -1, -1)
    copied, masks = Augmenter(3).copy(
        image, frame.masks, replace(STILL, **{kind: 1.0 if kind == "flip_probability" else 0.1})
    )
    assert (copied - image).abs().mean() > 0.003
    assert ((copied[0, 0] > 0.5) == (masks[0] > 0.5)).float().mean() > 0.99


# -- examples ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("frames", [(0, 3, 7), (0,)])
def test_training_and_validation_examples_carry_true_and_predicted_masks(network, frames: tuple[int, ...]):
    examples = list(make_examples(network, marked(hub_of_a_wheel(), frames), Augmenter(1), 6))
    assert {(each.held_out, each.carried) for each in examples} == {
        (a, b) for a in (True, False) for b in (True, False)
    }
    assert {each.fold for each in examples if each.held_out} == {0, 1}
    for example in (each for each in examples if each.carried):
        moved, truth = example.inputs[3][0, 0] > 0.5, example.labels[::2, ::2] > 0
        assert (moved & truth).sum() > 0.6 * (moved | truth).sum()


# -- learning ----------------------------------------------------------------------------------------------------------
def test_learning_lowers_the_loss_and_leaves_the_quality_head_unchanged(network):
    augmenter = Augmenter(1)
    lessons = [
        one for one in make_examples(network, marked(hub_of_a_wheel(), (0, 4)), augmenter, 2) if not one.held_out
    ]
    before = [float(example_loss(network.decoder, lesson)) for lesson in lessons]
    quality = [weight.clone() for weight in network.decoder.quality.parameters()]
    assert list(train(network.decoder, lessons, 30, augmenter)) == list(range(1, 31))
    assert sum(float(example_loss(network.decoder, lesson)) for lesson in lessons) < 0.8 * sum(before)
    assert all(torch.equal(a, b) for a, b in zip(quality, network.decoder.quality.parameters(), strict=True))
    assert not any(weight.requires_grad for weight in network.parameters())


def test_weights_that_improve_held_out_keyframes_are_kept_and_the_network_is_restored(network):
    before = weights_of(network)
    progress: list[tuple[int, int]] = []
    film = hub_of_a_wheel()
    outcome = fit(
        network, [marked(film, (0, 3, 7))], steps=40, report=lambda *step: progress.append(step), read_image=shown(film)
    )
    assert outcome.weights is not None
    assert outcome.after > outcome.before + 1
    assert weights_of(network) == before
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert progress[-1][0] == progress[-1][1]
    shipped = network.decoder.state_dict()
    assert shipped.keys() == outcome.weights.keys()
    assert any(not torch.equal(shipped[name], weight) for name, weight in outcome.weights.items())


def test_contradictory_keyframes_give_no_weights(network):
    film = films.look_alikes(2, height=96, width=128)
    mirrored = film.labels[0][:, ::-1]
    film = Film(np.stack([film.frames[0]] * 2), np.stack([film.labels[0], mirrored]))
    outcome = fit(network, [marked(film, (0, 1))], steps=8, report=lambda done, total: None, read_image=shown(film))
    assert outcome.weights is None


def test_interrupted_fit_restores_the_network(network):
    before = weights_of(network)

    def report(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(network, [marked(hub_of_a_wheel(), (0,))], steps=8, report=report, read_image=shown(hub_of_a_wheel()))
    assert weights_of(network) == before
    assert not any(weight.requires_grad for weight in network.parameters())


@pytest.mark.parametrize(
    ("walks", "before", "after", "kept"),
    [
        (([[90.0], [80.0]], [[70.0], [75.0]]), 80.0, 77.5, False),
        (([[90.0], [80.0]], [[70.0], [85.0]]), 80.0, 82.5, True),
        (([[90.0, 80.0], [96.0, 80.0]], [[70.0, 50.0], [84.0, 40.0]]), 72.5, 75.0, False),  # one object gets worse
    ],
)
def test_weights_are_kept_only_if_they_improve_validation_by_propagation(
    network, monkeypatch, walks, before, after, kept
):
    film = hub_of_a_wheel()
    monkeypatch.setattr(finetune, "validate_by_propagation", lambda *_: iter([None, *walks]))
    outcome = fit(network, [marked(film, (0, 3, 7))], steps=12, report=lambda done, total: None, read_image=shown(film))
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


def was_adapted(answers: list[Answer]) -> bool:
    return any(isinstance(answer, Stage) and answer.text.startswith("Adapting") for answer in answers)


def mattes(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "mattes").rglob("*.png"))]


def test_adapted_weights_stay_in_their_folder_and_change_no_other_job(clip, keyframes, tmp_path):
    shipped = (loading.BUNDLED / "keymatte.safetensors").read_bytes()
    plain = job_of(clip, keyframes, tmp_path / "plain", recipe="keymatte")
    learning = Settings(overrides={"adapt.steps": "20"}, adapt=True)
    assert isinstance(answers_to(plain)[-1], Finished)
    answers = answers_to(replace(plain, folder=tmp_path / "adapted", settings=learning))
    assert was_adapted(answers)
    assert any(isinstance(answer, Stage) and answer.text.startswith("Adapted: held-out J ") for answer in answers)
    assert isinstance(answers[-1], Finished)
    assert mattes(tmp_path / "adapted") != mattes(tmp_path / "plain")
    assert not (tmp_path / "plain" / "adapted.safetensors").exists()
    assert (loading.BUNDLED / "keymatte.safetensors").read_bytes() == shipped
    assert not was_adapted(answers_to(replace(plain, folder=tmp_path / "again")))
    assert mattes(tmp_path / "again") == mattes(tmp_path / "plain")
    answers_to(replace(plain, folder=tmp_path / "adapted"))  # not adapting: the adapted weights are ignored
    assert mattes(tmp_path / "adapted") == mattes(tmp_path / "plain")


def test_adapted_weights_are_reused_until_an_input_changes(clip, keyframes, tmp_path):
    job = job_of(clip, keyframes, tmp_path / "out", recipe="keymatte", settings=FEW_STEPS, frames=range(3))
    assert was_adapted(answers_to(job))
    file = MatteFolder(tmp_path / "out").adapted
    first, made = file.read_bytes(), mattes(tmp_path / "out")
    assert not was_adapted(answers_to(job))
    assert file.read_bytes() == first
    assert mattes(tmp_path / "out") == made
    write_labels(keyframes / "shot_0003.png", np.roll(hub_of_a_wheel().labels[3], 3, axis=1))
    assert was_adapted(answers_to(job))
    assert file.read_bytes() != first
    more = replace(job, settings=replace(FEW_STEPS, overrides={"adapt.steps": "9"}))
    assert was_adapted(answers_to(more))
    without_follow = replace(
        job, settings=replace(FEW_STEPS, overrides={**FEW_STEPS.overrides, "previous.follow": "0"})
    )
    assert was_adapted(answers_to(without_follow)), "the decoder gets other inputs"
    smaller_memory = replace(
        job, settings=replace(FEW_STEPS, overrides={**FEW_STEPS.overrides, "keyframes.enlarged": "100"})
    )
    assert was_adapted(answers_to(smaller_memory)), "another memory is read"
    file.write_bytes(file.read_bytes()[:-9])  # damaged
    assert was_adapted(answers_to(smaller_memory))
    assert not was_adapted(answers_to(smaller_memory))


@pytest.mark.parametrize("after", [2, 30])
def test_cancelled_adaptation_leaves_nothing_behind(clip, keyframes, tmp_path, after: int):
    def cancelled(answers: list[Answer]) -> bool:
        return any(
            isinstance(answer, Stage) and answer.text.startswith("Adapting") and answer.done >= after
            for answer in answers
        )

    answers = answers_to(job_of(clip, keyframes, tmp_path / "out", recipe="keymatte", settings=FEW_STEPS), cancelled)
    assert isinstance(answers[-1], JobCancelled)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["keymatte-runs.txt", "keymatte.json"]


def test_recipes_that_cannot_adapt_are_refused(clip, keyframes, tmp_path):
    with pytest.raises(BadSetting, match="'colour' cannot adapt"):
        answers_to(job_of(clip, keyframes, tmp_path / "out", recipe="colour", settings=Settings(adapt=True)))
    assert not (tmp_path / "out").exists()
