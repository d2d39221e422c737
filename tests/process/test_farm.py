"""Jobs of a farm: the commands of its templates, run one after another, make the mattes of one run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import films
from tests.house import ROOT

TEMPLATE = ROOT / "farm" / "keymatte.openjd.json"
JOB_TYPE = ROOT / "farm" / "keymatte.js"
TASKS = 5  # one more than the clip has ranges
_COMPILE = """
const commands = [];
const author = {
    Task: (name, type) => ({ name, commands: [], after: [],
        addCommand(command) { this.commands.push(command); }, addDependency(task) { this.after.push(task.name); } }),
    Command: (name, parameters) => ({ name, parameters }),
};
%s
const job = { settings: JSON.parse(process.argv[1]), tasks: [], addTask(task) { this.tasks.push(task); } };
compileJob(job);
console.log(JSON.stringify({ settings: JOB_TYPE.settings, tasks: job.tasks }));
"""


@pytest.fixture(scope="module")
def shot(tmp_path_factory) -> Path:
    """Return a folder with a clip of ten frames, and keyframes on 0, 3 and 6."""
    folder, film = tmp_path_factory.mktemp("a shot"), films.crossing(count=10)
    film.write_images(folder / "plate")
    film.write_keyframes(folder / "keys", [0, 3, 6])
    return folder


@pytest.fixture(scope="module")
def one_run(shot, tmp_path_factory) -> dict[str, bytes]:
    """Return the images of one run."""
    out = tmp_path_factory.mktemp("one") / "mattes"
    clip, keys = str(shot / "plate" / "shot_0000.png"), str(shot / "keys")
    run(
        sys.executable, "-m", "engine", "propagate", "--clip", clip, "--keyframes", keys, "--out", str(out),
        "--height", "96", "--threads", "1",
    )  # fmt: skip
    return results(out)


def run(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def results(folder: Path) -> dict[str, bytes]:
    paths = (path for pattern in ("mattes/*/*.png", "labels/*.png") for path in folder.glob(pattern))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_an_open_job_makes_the_mattes_of_one_run(shot, one_run, tmp_path):
    template = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    values = {one["name"]: str(one["default"]) for one in template["parameterDefinitions"] if "default" in one}
    values |= {"Clip": str(shot / "plate" / "shot_0000.png"), "Keyframes": str(shot / "keys"), "Out": str(tmp_path)}
    values |= {"Keymatte": str(ROOT), "Python": sys.executable, "Height": "96", "Threads": "1", "Tasks": str(TASKS)}
    assert values.keys() == {one["name"] for one in template["parameterDefinitions"]}

    def filled(text: str, task: int = 0) -> str:
        known = {**{f"Param.{name}": value for name, value in values.items()}, "Task.Param.Task": str(task)}
        return re.sub(r"{{(.*?)}}", lambda found: known[found[1]], text)

    propagate, join = template["steps"]
    assert join["dependencies"] == [{"dependsOn": "Propagate"}]
    (parameter,) = propagate["parameterSpace"]["taskParameterDefinitions"]
    assert filled(parameter["range"]) == f"1-{TASKS}"
    for step, tasks in ((propagate, range(1, TASKS + 1)), (join, [0])):
        action = step["script"]["actions"]["onRun"]
        said = [run(filled(action["command"]), *(filled(text, task) for text in action["args"])) for task in tasks]
        assert (said[-1] == "Nothing to do: the clip has only 4 ranges that can be made on their own\n") == (
            step is propagate
        )
    assert results(tmp_path / "mattes") == one_run


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js, which stands in for Flamenco Manager, is not here")
def test_a_flamenco_job_makes_the_mattes_of_one_run(shot, one_run, tmp_path):
    settings = {
        "clip": str(shot / "plate" / "shot_0000.png"), "keyframes": str(shot / "keys"), "out": str(tmp_path),
        "keymatte": str(ROOT), "python": sys.executable, "recipe": "keymatte",
        "height": 96, "threads": 1, "tasks": TASKS,
    }  # fmt: skip
    script = _COMPILE % JOB_TYPE.read_text(encoding="utf-8")
    compiled = json.loads(run("node", "-e", script, json.dumps(settings)))
    assert {one["key"] for one in compiled["settings"]} == settings.keys()
    *parts, join = compiled["tasks"]
    assert join["after"] == [task["name"] for task in parts] == [f"propagate-{i}" for i in range(1, TASKS + 1)]
    for task in compiled["tasks"]:
        (command,) = task["commands"]
        assert command["name"] == "exec"
        run(command["parameters"]["exe"], *command["parameters"]["args"])
    assert results(tmp_path / "mattes") == one_run
