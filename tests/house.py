"""House rules: functions that check a module, given its name and source, and return the violations as sentences."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("addon", "engine", "ops", "ui")
MAX_LINES = 300

BLENDER = ("bpy", "mathutils", "gpu", "gpu_extras", "blf", "bpy_extras", "rna_keymap_ui", "numpy")
MATTING = ("pymatting", "scipy")
LIBRARIES = ("torch", "numpy", "av", "cv2", "OpenEXR", "PIL", "platformdirs", "safetensors", "tqdm", *MATTING)
UPSTAIRS = ("engine.training*", "engine.evaluation*", "engine.cli*", "engine.__main__")  # rooms that no job needs
_PREFIXES = {"Operator": "CLIP_OT_", "Panel": "CLIP_PT_", "UIList": "CLIP_UL_", "Menu": "CLIP_MT_"}


@dataclass(frozen=True)
class Row:
    """Row of the import table: the modules `who` it is for and what they may import. The first matching row applies."""

    who: tuple[str, ...]
    outside: tuple[str, ...]  # packages beside the standard library
    inside: tuple[str, ...]  # patterns of our own modules
    never: tuple[str, ...] = ()


def _room(name: str) -> tuple[str, str]:
    return name, f"{name}.*"


def _rooms(*names: str) -> tuple[str, ...]:
    """Return name patterns of the modules in these rooms (folders of `engine`), and the name "engine" itself."""
    return ("engine", *(pattern for name in names for pattern in _room(f"engine.{name}")))


SHARED = _rooms("shared")

TABLE = (
    Row(_room("engine.shared"), ("numpy",), SHARED),
    Row(_room("engine.runtime"), LIBRARIES, _rooms("shared", "runtime")),
    Row(_room("engine.layers"), ("torch", "torchvision", "cv2"), _rooms("layers", "runtime")),
    Row(_room("engine.memory"), ("torch",), _rooms("memory")),
    Row(
        _room("engine.networks"),
        ("torch",),
        (*_rooms("layers", "networks"), *(f"engine.memory.{name}" for name in ("tokens", "entry", "bank"))),
    ),
    Row(_room("engine.quality"), ("torch", "numpy", "cv2"), _rooms("shared", "layers", "quality")),
    Row(_room("engine.media"), LIBRARIES, _rooms("shared", "media")),
    Row(_room("engine.checkpoints"), LIBRARIES, _rooms("shared", "checkpoints")),
    Row(
        _room("engine.inference"),
        ("torch", "numpy", "cv2", "safetensors"),
        (
            *_rooms("shared", "runtime", "quality", "inference"),
            *(f"engine.{name}" for name in ("memory.bank", "memory.entry", "networks.network", "layers.aggregate")),
        ),
    ),
    Row(
        _room("engine.adaptation"),
        ("torch", "numpy", "cv2"),
        _rooms("runtime", "layers", "memory", "networks", "adaptation"),
    ),
    Row(_room("engine.suggestion"), LIBRARIES, _rooms("shared", "layers", "memory", "suggestion")),
    Row(
        _room("engine.segmentation"),
        ("numpy", "cv2"),
        (*_rooms("shared", "segmentation"), "engine.matting.linear", "engine.matting.reduced"),
    ),
    Row(_room("engine.matting"), ("numpy", "cv2", *MATTING), _rooms("shared", "matting")),
    Row(
        _room("engine.splines"),
        ("numpy", "cv2"),
        (*_rooms("shared", "splines"), "engine.output.raster", "engine.output.regions", "engine.output.tracing"),
    ),
    Row(_room("engine.output"), LIBRARIES, _rooms("shared", "media", "quality", "inference", "output")),
    Row(_room("engine.delivery"), LIBRARIES, _rooms("shared", "media", "matting", "output", "delivery")),
    Row(_room("engine.projects"), ("numpy", "cv2"), _rooms("shared", "media", "delivery", "projects")),
    Row(
        _room("engine.methods"),
        ("torch",),
        _rooms("shared", "layers", "memory", "networks", "inference", "checkpoints", "methods"),
    ),
    Row(_room("engine.jobs"), LIBRARIES, _room("engine"), never=UPSTAIRS),
    Row(_room("engine.training.scenes"), (*LIBRARIES, "bpy", "mathutils"), _rooms("shared", "training")),
    Row(
        _room("engine.training"),
        (*LIBRARIES, "matplotlib", "torchvision"),
        _room("engine"),
        never=("engine.jobs*", "engine.evaluation*", "engine.cli*", "engine.__main__"),
    ),
    Row(
        _room("engine.evaluation"),
        (*LIBRARIES, "matplotlib", "torchvision"),
        _room("engine"),
        never=("engine.cli*", "engine.__main__"),
    ),
    Row(_room("engine.cli"), LIBRARIES, _room("engine"), never=("engine.training*", "engine.__main__")),
    Row(("engine.__main__",), (), _rooms("shared", "runtime", "cli", "training")),
    Row(_room("engine.api"), ("numpy",), _room("engine"), never=("engine.training*", "engine.cli*", "engine.__main__")),
    Row(("engine",), (), ("engine.api",)),
    Row(("addon.client",), (), (*SHARED, "addon")),
    Row(("addon.registration",), BLENDER, (*SHARED, *_room("addon"), *_room("ops"), *_room("ui"))),
    Row(_room("addon"), BLENDER, (*SHARED, *_room("addon")), never=("addon.registration",)),
    Row(("ops",), BLENDER, (*SHARED, *_room("addon"), *_room("ops"))),
    Row(_room("ops"), BLENDER, (*SHARED, *_room("addon"), "ops", "ops.common"), never=("addon.registration",)),
    Row(_room("ui"), BLENDER, (*SHARED, *_room("addon"), *_room("ui")), never=("addon.registration",)),
)

_WRITTEN = (".py", ".md", ".toml", ".txt", ".json", ".yml", ".yaml", "")  # suffixes of files that people write

# The patterns do not match their own text. Lookbehinds before a slash keep web addresses from matching as paths.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.~:/)\]}>-])/(?:home|root|work|opt|Users|farm|tmp|srv)/[\w.]|[A-Z]:\\+Users\b",
    "the address of a package registry": r"\b(?:pypi[.]org|pythonhosted[.]org|deb[.]debian[.]org|npmjs[.](?:org|com))",
    "something left for later": r"\b(?:[T]ODO|[F]IXME|[X]XX)\b|raise Not[I]mplementedError",
}


def modules(*rooms: str) -> dict[str, str]:
    """Return the source of every module in these folders of the repository, by dotted name."""
    found = {}
    for path in sorted(file for room in rooms for file in (ROOT / room).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


def texts() -> Iterator[tuple[str, str]]:
    """Yield the path from the root and the text of each text file of the repository."""
    for path in sorted(ROOT.rglob("*")):
        place = path.relative_to(ROOT)
        if place.parts[0] in (".git", "build") or any(re.search("cache$|cache__", part) for part in place.parts):
            continue
        if path.is_file() and (path.suffix in _WRITTEN or place.parts[0] == ".ci"):
            yield place.as_posix(), path.read_text(encoding="utf-8", errors="replace")


# -- imports -----------------------------------------------------------------------------------------------------------
def imports(name: str, source: str, known: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield a pair for each import in the module `name`: the dotted name, and whether the import is relative."""
    known = set(known)
    package = name if f"{name}." in {module[: len(name) + 1] for module in known} else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module, False
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}".strip(".")
                yield (inner if inner in known or not base else base), True


def broken_imports(name: str, source: str, known: Iterable[str] = ()) -> list[str]:
    """Return imports that the import table does not allow.

    Absolute imports of this repository's own packages are never allowed.
    """
    row = next(row for row in TABLE if _fits(name, row.who))
    broken = []
    for target, relative in imports(name, source, known):
        top = target.split(".")[0]
        if relative:
            if not _fits(target, row.inside) or _fits(target, row.never):
                broken.append(f"{name} imports {target}")
        elif top in ROOMS:
            broken.append(f"{name} imports {target} absolutely: installed, there is no such package")
        elif top not in sys.stdlib_module_names and top not in row.outside:
            broken.append(f"{name} imports {target}")
    return broken


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


# -- how a module is written -------------------------------------------------------------------------------------------
def broken_form(name: str, source: str) -> list[str]:
    """Return a violation if the module has no docstring, and one if it has more than MAX_LINES lines."""
    broken = []
    if not ast.get_docstring(ast.parse(source)):
        broken.append(f"{name} does not begin with a sentence about itself")
    if len(source.splitlines()) > MAX_LINES:
        broken.append(f"{name} has {len(source.splitlines())} lines; {MAX_LINES} at most")
    return broken


def broken_handling(name: str, source: str) -> list[str]:
    """Return `except` clauses that are bare, or that catch every exception and do nothing."""
    broken = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            wide = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            silent = all(isinstance(line, ast.Pass) for line in node.body)
            if node.type is None or (wide and silent):
                broken.append(f"{name}:{node.lineno} catches everything")
    return broken


def broken_printing(name: str, source: str) -> list[str]:
    """Return calls of `print` and `breakpoint`, because the engine's standard output carries messages."""
    return [
        f"{name}:{node.lineno} prints"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "breakpoint")
    ]


def broken_words(name: str, source: str) -> list[str]:
    """Return file paths of one computer, addresses of package registries and notes of unfinished work in the source."""
    return [
        f"{name}:{source.count(chr(10), 0, match.start()) + 1} has {what}: {match[0]}"
        for what, pattern in FORBIDDEN.items()
        for match in re.finditer(pattern, source)
    ]


# -- Blender's classes -------------------------------------------------------------------------------------------------
def broken_names(name: str, source: str) -> list[str]:
    """Return Blender classes without the required prefix, and operators without a docstring or a matching id."""
    broken = []
    for node, prefix in _blender_classes(source):
        if not node.name.startswith(prefix):
            broken.append(f"{name}: class {node.name} must begin with {prefix}")
        operator_id = _text_field(node, "bl_idname")
        if prefix == "CLIP_OT_" and operator_id != "clip." + node.name.removeprefix(prefix):
            broken.append(f"{name}: class {node.name} has the id {operator_id!r}")
        if prefix == "CLIP_OT_" and not ast.get_docstring(node):
            broken.append(f"{name}: class {node.name} has no docstring, so its button has no tooltip")
    return broken


def operator_ids(sources: Iterable[str]) -> set[str]:
    """Return the ids of all operators defined in these sources."""
    classes = (node for source in sources for node, prefix in _blender_classes(source) if prefix == "CLIP_OT_")
    return {_text_field(node, "bl_idname") for node in classes} - {None}


def class_names(sources: Iterable[str]) -> set[str]:
    """Return the names of all Blender classes defined in these sources."""
    return {node.name for source in sources for node, _ in _blender_classes(source)}


def broken_references(name: str, source: str, known: set[str]) -> list[str]:
    """Return ids of operators, lists, panels and menus that occur in strings but not in `known`."""
    strings = (
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    pattern = re.compile(r"clip\.matte_\w+|CLIP_(?:UL|PT|MT)_matte\w+")
    return [
        f"{name}:{node.lineno} names {node.value}, which is not defined"
        for node in strings
        if pattern.fullmatch(node.value) and node.value not in known
    ]


def _blender_classes(source: str) -> Iterator[tuple[ast.ClassDef, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
            for base in bases:
                if base in _PREFIXES:
                    yield node, _PREFIXES[base]


def _text_field(node: ast.ClassDef, field: str) -> str | None:
    for line in node.body:
        names = [ast.unparse(target) for target in getattr(line, "targets", [])]
        if field in names and isinstance(line.value, ast.Constant):
            return line.value.value
    return None
