"""The house rules hold in every module; and each rule notices when it is broken."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import house, tree

OURS = house.modules(*house.ROOMS)
ALL = {
    **OURS,
    **house.modules("tests", "release"),
    "build_addon": (house.ROOT / "build_addon.py").read_text(encoding="utf-8"),
}
KNOWN = house.operator_ids(OURS.values()) | house.class_names(OURS.values())


def all_broken(rule, sources: dict[str, str]) -> list[str]:
    return [words for name, source in sources.items() for words in rule(name, source)]


# -- the repository ----------------------------------------------------------------------------------------------------
def test_every_room_is_there():
    for room in house.ROOMS:
        assert any(name.startswith(f"{room}.") for name in OURS), f"no modules found in {room}"


def test_modules_import_only_what_their_room_may():
    assert all_broken(lambda name, source: house.broken_imports(name, source, OURS), OURS) == []


def test_every_module_says_what_it_is_and_is_short():
    assert all_broken(house.broken_form, ALL) == []


def test_no_module_catches_everything():
    assert all_broken(house.broken_handling, ALL) == []


def test_no_library_code_prints():
    assert all_broken(house.broken_printing, OURS) == []


def test_blender_classes_are_named_as_blender_names_them():
    assert all_broken(house.broken_names, OURS) == []


def test_operators_and_lists_named_by_id_exist():
    assert all_broken(lambda name, source: house.broken_references(name, source, KNOWN), OURS) == []


def test_no_file_names_one_machine_or_leaves_something_for_later():
    assert all_broken(house.broken_words, dict(house.texts())) == []


def test_the_tree_in_the_architecture_is_made_of_the_modules_first_sentences():
    page = tree.PAGE.read_text(encoding="utf-8")
    assert tree.with_tree(page) == page, "run `python -m tests.tree`"


def test_the_engine_has_nothing_but_rooms_at_its_root():
    assert {path.name for path in (house.ROOT / "engine").glob("*.py")} == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("command", (["check"], ["format", "--check"]), ids=("check", "format"))
def test_ruff_is_content(command):
    ruff = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."], cwd=house.ROOT, capture_output=True, text=True, timeout=120
    )
    assert ruff.returncode == 0, ruff.stdout + ruff.stderr


# -- the rules themselves ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "source"),
    (
        ("engine.shared.types", "import torch"),
        ("engine.shared.protocol", "from ..jobs import propagate"),
        ("engine.shared.matte_folder", "def later():\n    from ..media.frames import FrameReader"),
        ("engine.layers.affinity", "from ..memory import bank"),
        ("engine.layers.affinity", "import numpy"),
        ("engine.memory.bank", "from ..networks.network import Features"),
        ("engine.memory.stores", "from ..layers import affinity"),
        ("engine.networks.keymatte", "from ..memory.stores import Bounded"),
        ("engine.networks.keymatte", "from ..media.frames import FrameReader"),
        ("engine.networks.keymatte", "from ..methods import registry"),
        ("engine.inference.propagate", "from ..networks.keymatte import Keymatte"),
        ("engine.inference.propagate", "from ..media.frames import FrameReader"),
        ("engine.methods.registry", "from ..jobs.propagate import run"),
        ("engine.media.frames", "from ..methods.registry import find_recipe"),
        ("engine.jobs.propagate", "import bpy"),
        ("engine.jobs.propagate", "from ..training import loop"),
        ("engine.jobs.propagate", "from ..evaluation.methods import RecipeMethod"),
        ("engine.training.loop", "from ..jobs.server import serve"),
        ("engine.training.loop", "import bpy"),
        ("addon.session", "import torch"),
        ("addon.session", "from ..ops import propagate"),
        ("engine.evaluation.bench", "from ..cli.console import print_line"),
        ("addon.session", "from ..engine.jobs import propagate"),
        ("addon.session", "from ..engine.media.frames import FrameReader"),
        ("addon.session", "from engine import protocol"),
        ("addon.client", "import bpy"),
        ("addon.clips", "from .registration import register"),
        ("ops.propagate", "from ..ui import panels"),
        ("ops.propagate", "from .results import CLIP_OT_matte_clear"),
        ("ops.propagate", "import cv2"),
        ("ui.panels", "from ..ops.propagate import CLIP_OT_matte_propagate"),
        ("ui.panels", "import requests"),
    ),
)
def test_a_forbidden_import_is_noticed(name, source):
    assert house.broken_imports(name, source, OURS)


@pytest.mark.parametrize(
    ("name", "source"),
    (
        ("engine.shared.types", "from dataclasses import dataclass\nimport numpy as np"),
        ("engine.jobs.propagate", "from .. import VERSION\nfrom ..inference.propagate import Walk\nimport torch"),
        ("engine.networks.keymatte", "from ..memory.bank import MemoryView\nfrom ..layers.affinity import similarity"),
        ("addon.session", "import bpy\nfrom ..engine.shared import protocol\nfrom . import client"),
        ("addon.registration", "from ..ops import CLASSES\nfrom .. import ui"),
        ("ops.propagate", "import bpy\nfrom ..addon.session import session\nfrom .common import ClipOperator"),
        ("ui.panels", "import bpy\nfrom ..addon import session\nfrom . import status"),
    ),
)
def test_an_allowed_import_is_left_alone(name, source):
    assert house.broken_imports(name, source, OURS) == []


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    (
        (house.broken_form, "import os", '"""What it is."""'),
        (house.broken_form, '"""Long."""\n' + "x = 1\n" * 300, '"""Short."""\n' + "x = 1\n" * 299),
        (house.broken_handling, "try:\n    f()\nexcept:\n    g()", "try:\n    f()\nexcept OSError:\n    pass"),
        (
            house.broken_handling,
            "try:\n    f()\nexcept Exception:\n    pass",
            "try:\n    f()\nexcept OSError:\n    g()",
        ),
        (house.broken_printing, "def f():\n    print(1)", "def f(out):\n    out.write('1')"),
        (house.broken_words, "path = '" + "/ho" + "me/anna/shot'", "path = 'https://example.org/home/shot'"),
        (house.broken_words, "path = r'C:" + "\\Us" + "ers\\anna'", "path = '~/shot'"),
        (house.broken_words, "# TO" + "DO: all of it", "# todos los santos"),
        (house.broken_words, "index = 'https://py" + "pi.org/simple'", "# a public package registry"),
        (
            house.broken_names,
            "class Propagate(Operator):\n    'Follow'\n    bl_idname = 'clip.matte_propagate'",
            "class CLIP_OT_matte_propagate(Operator):\n    'Follow'\n    bl_idname = 'clip.matte_propagate'",
        ),
        (
            house.broken_names,
            "class CLIP_OT_matte_propagate(Mixin, bpy.types.Operator):\n    'Follow'\n    bl_idname = 'clip.other'",
            "class CLIP_PT_matte_objects(Mixin, bpy.types.Panel):\n    bl_label = 'Objects'",
        ),
        (
            house.broken_names,
            "class CLIP_OT_matte_cancel(Operator):\n    bl_idname = 'clip.matte_cancel'",
            "class CLIP_OT_matte_cancel(Operator):\n    'Stop'\n    bl_idname = 'clip.matte_cancel'",
        ),
    ),
)
def test_a_broken_rule_is_noticed(rule, bad, good):
    assert rule("engine.sample", bad)
    assert rule("engine.sample", good) == []


def test_a_module_is_told_by_its_first_sentence_whole(tmp_path):
    (tmp_path / "one.py").write_text('"""Writes `a.b` and\nreads it. And more."""\n')
    assert tree.first_sentence(tmp_path / "one.py") == "Writes `a.b` and reads it"


def test_an_operator_that_does_not_exist_is_noticed():
    ids = house.operator_ids(["class CLIP_OT_matte_cancel(Operator):\n    bl_idname = 'clip.matte_cancel'"])
    assert ids == {"clip.matte_cancel"}
    assert house.broken_references("ui.panels", "row.operator('clip.matte_cancle')", ids)
    assert house.broken_references("ui.panels", "layout.template_list('CLIP_UL_matte_things', '')", ids)
    assert house.broken_references("ui.panels", "row.operator('clip.matte_cancel')", ids) == []
