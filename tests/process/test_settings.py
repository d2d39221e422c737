"""Settings on the command line: names in the papers are understood, and wrong ones are found before anything loads."""

from __future__ import annotations

import pytest

from tests.process.cli import ENGINE, assert_refused, propagate, run_cli


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("range", "5:99", "5:99"),
        ("range", "many", "0:60"),
        ("set", "memory", "section.name=value"),
        ("set", "memory.none=3", "memory.none"),
        ("set", "top_kk=3", "similar names are top_k"),
        ("recipe", "magic", "magic"),
        ("height", "0", "working height"),
    ],
)
def test_invalid_setting_is_refused(place, option, value, word):
    assert_refused(propagate(place, **{option: value}), word)
    assert not (place / "out").exists()


SLOW = "import sys; sys.exit('PyTorch is loaded')"  # instead of torch, to see whether a command loads it


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("propagate", ["--set", "mem_evry=3"], "mem_evry"),
        ("propagate", ["--set", "mem_every=three"], "whole number"),
        ("propagate", ["--recipe", "xmem", "--set", "min_mid_term_frames=12"], "memory.max_frames must be greater"),
        ("propagate", ["--set", "memory=long-term"], "distils prototypes"),
        ("propagate", ["--recipe", "xmen"], "'xmem'"),
        ("propagate", ["--recipe", "mavos++"], "models import"),
        ("propagate", ["--weights", "none.pth"], "none.pth does not exist"),
        ("propagate", ["--range", "a:b"], "--range"),
        ("propagate", ["--height", "31"], "working height"),
        ("propagate", ["--threads", "0"], "threads"),
        ("propagate", ["--threads", "100000"], "at most 1024"),
        ("propagate", ["--fps", "fast"], "not 'fast'"),
        ("propagate", ["--recipe", "colour", "--adapt"], "cannot adapt"),
        ("suggest", ["--set", "memory.none=3", "--chosen", "0"], "memory.none"),
        ("suggest", [], "--keyframes FOLDER"),
        ("suggest", ["--chosen", "a"], "--chosen"),
        ("suggest", ["--chosen", "0", "--alpha", "2"], "from 0 to 1"),
        ("suggest", ["--chosen", "0", "--count", "0"], "at least 1"),
        ("study", ["--set", "memory.none=3"], "memory.none"),
        ("study", ["--methods", "magic"], "magic"),
        ("study", ["--weights", "none.pth"], "none.pth"),
        ("bench", ["--set", "memory.none=3"], "memory.none"),
        ("bench", ["--against", "magic"], "magic"),
        ("models", ["--describe", "magic"], "magic"),
        ("models", ["download", "magic"], "magic"),
        ("models", ["import", "XMem.pth"], "XMem.pth does not exist"),
    ],
)
def test_a_wrong_setting_is_found_before_anything_is_loaded(tmp_path, monkeypatch, command, options, words):
    (tmp_path / "torch.py").write_text(SLOW)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("KEYMATTE_WEIGHTS", str(tmp_path / "weights"))
    paths = {
        "propagate": ["--clip", "no clip", "--keyframes", "no keyframes", "--out", str(tmp_path / "out")],
        "suggest": ["--clip", "no clip", "--masks", "no masks"],
        "study": ["default", "--out", str(tmp_path / "out")],
    }
    assert_refused([*ENGINE, command, *paths.get(command, []), *options], words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("recipe", ["keymatte", "xmem"])
def test_a_wrong_setting_leaves_an_earlier_run_as_it_was(place, recipe):
    (place / "out").mkdir()
    (place / "out" / "keymatte.json").write_text('{"keymatte": "earlier"}')
    assert_refused(propagate(place, recipe=recipe, set="memory=keyframe"), "keyframes")
    assert (place / "out" / "keymatte.json").read_text() == '{"keymatte": "earlier"}'


def test_a_setting_by_its_name_in_the_paper_changes_the_job(place):
    assert run_cli(propagate(place, set="top_k=3")).returncode == 0
    assert '"top_k": "3"' in (place / "out" / "keymatte.json").read_text(encoding="utf-8")
