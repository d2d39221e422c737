"""The house rules hold in every module; and each rule notices when it is broken."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import house

OURS = house.modules(*house.ROOMS)
ALL = {**OURS, **house.modules("tests"), "build_addon": (house.ROOT / "build_addon.py").read_text(encoding="utf-8")}
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


def test_the_tree_in_the_architecture_is_the_tree_on_disk():
    told = house.tree_told((house.ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert sorted(path for path in told if not (house.ROOT / path).exists()) == []
    files = {
        path.relative_to(house.ROOT).as_posix() for room in house.ROOMS for path in (house.ROOT / room).rglob("*.py")
    }
    assert sorted(path for path in files if not path.endswith("__init__.py") and path not in told) == []


@pytest.mark.parametrize("command", (["check"], ["format", "--check"]), ids=("check", "format"))
def test_ruff_is_content(command):
    told = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."], cwd=house.ROOT, capture_output=True, text=True, timeout=120
    )
    assert told.returncode == 0, told.stdout + told.stderr


# -- the rules themselves ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "source"),
    (
        ("engine.types", "import torch"),
        ("engine.protocol", "from . import job"),
        ("engine.matte_folder", "def later():\n    from .frames import FrameReader"),
        ("engine.layers.affinity", "from ..memory import bank"),
        ("engine.layers.affinity", "import numpy"),
        ("engine.memory.bank", "from ..networks.network import Features"),
        ("engine.memory.stores", "from ..layers import affinity"),
        ("engine.networks.keymatte", "from ..memory.stores import Bounded"),
        ("engine.networks.keymatte", "from ..frames import FrameReader"),
        ("engine.networks.keymatte", "from .. import recipes"),
        ("engine.walk", "from .networks.keymatte import Keymatte"),
        ("engine.walk", "from .frames import FrameReader"),
        ("engine.recipes", "from .walk import Walk"),
        ("engine.frames", "from .recipes import find_recipe"),
        ("engine.job", "import bpy"),
        ("engine.job", "from .training import loop"),
        ("engine.job", "from .study.methods import Followed"),
        ("engine.training.loop", "from ..serve import serve"),
        ("engine.training.loop", "import bpy"),
        ("addon.session", "import torch"),
        ("addon.session", "from ..ops import propagate"),
        ("addon.session", "from ..engine import job"),
        ("addon.session", "from ..engine.frames import FrameReader"),
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
    known = {*OURS, "engine.job", "engine.recipes", "engine.frames", "ops.propagate", "ui.panels"}
    assert house.broken_imports(name, source, known)


@pytest.mark.parametrize(
    ("name", "source"),
    (
        ("engine.types", "from dataclasses import dataclass\nimport numpy as np"),
        ("engine.job", "from . import VERSION\nfrom .walk import Walk\nimport torch"),
        ("engine.networks.keymatte", "from ..memory.bank import MemoryView\nfrom ..layers.affinity import similarity"),
        ("addon.session", "import bpy\nfrom ..engine import protocol\nfrom . import client"),
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


def test_the_tree_is_read_with_its_folders():
    tree = ("build.py  Builds", "", "ui/  Draws", "  list.py  Lists", "  deep/  More", "    in.py  In", "ops/  Acts")
    text = "\n".join(("## The tree", "", "```", *tree, "```", "more.py"))
    assert house.tree_told(text) == {"build.py", "ui/", "ui/list.py", "ui/deep/", "ui/deep/in.py", "ops/"}


def test_an_operator_that_does_not_exist_is_noticed():
    ids = house.operator_ids(["class CLIP_OT_matte_cancel(Operator):\n    bl_idname = 'clip.matte_cancel'"])
    assert ids == {"clip.matte_cancel"}
    assert house.broken_references("ui.panels", "row.operator('clip.matte_cancle')", ids)
    assert house.broken_references("ui.panels", "layout.template_list('CLIP_UL_matte_things', '')", ids)
    assert house.broken_references("ui.panels", "row.operator('clip.matte_cancel')", ids) == []
