"""Damaged files and lines end in an error that the reader documents, never in a crash, a hang or another error."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from engine.jobs.resume import JobCheckpoint
from engine.shared.matte_folder import MatteFolder
from tests.fuzz import selftest
from tests.fuzz.campaign import ROOT, Campaign
from tests.fuzz.readers import READERS

COUNT = 2000
SEED = 21


def test_damaged_inputs_are_refused_as_documented():
    findings = Campaign(SEED, READERS).run(range(COUNT))
    assert not findings, "\n\n".join(map(str, findings[:10]))


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_undamaged_examples_are_read(reader, tmp_path):
    examples = reader.examples()
    assert examples
    read = 0
    for index, (suffix, content) in enumerate(examples):
        path = tmp_path / str(index) / f"input{suffix}"
        path.parent.mkdir()
        path.write_bytes(content)
        try:
            reader.read(path)
        except reader.errors:
            continue
        read += 1
    assert read >= len(examples) / 3, "most of the examples are refused, so their damage shows little"


def test_the_example_of_a_checkpoint_can_be_resumed(tmp_path):
    job = JobCheckpoint(MatteFolder(tmp_path), {"job": "fuzz"})
    file = job.first_matte_path(1, 0).parents[1] / "memory.safetensors"
    file.parent.mkdir(parents=True)
    (examples,) = (reader.examples for reader in READERS if reader.name == "checkpoints")
    file.write_bytes(examples()[0][1])
    assert job.load().done == 3


def test_inputs_depend_on_the_seed_and_their_index_alone():
    first, again, other = Campaign(1, READERS[-8:]), Campaign(1, READERS[-8:]), Campaign(2, READERS[-8:])
    same = [first.input(index)[2] == again.input(index)[2] for index in (7, 3, 50)]
    assert all(same)
    assert [first.input(index)[2] for index in range(20)] != [other.input(index)[2] for index in range(20)]


@pytest.fixture(scope="module")
def kinds() -> dict[str, str]:
    """Return the kind of fault that is found in each of the faulty readers, by their names."""
    names = ("_crash", "_compute", "_allocate", "_raise", "_refuse")
    readers = [reader for reader in selftest.READERS if reader.name.removeprefix("selftest: ") in names]
    findings = Campaign(0, readers, table="tests.fuzz.selftest", cpu_seconds=1).run(range(len(readers)))
    return {finding.reader.removeprefix("selftest: "): finding.kind for finding in findings}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process in all of these ways")
def test_each_kind_of_fault_is_found(kinds):
    assert kinds == {"_crash": "crash", "_compute": "hang", "_allocate": "exception", "_raise": "exception"}


def test_a_reader_that_waits_for_ever_is_found(monkeypatch):
    monkeypatch.setattr("tests.fuzz.campaign.WALL_SECONDS", 1.0)
    (reader,) = (reader for reader in selftest.READERS if reader.name == "selftest: sleep")
    began = time.monotonic()
    assert [finding.kind for finding in Campaign(0, [reader], table="tests.fuzz.selftest").run(range(2))] == [
        "hang"
    ] * 2
    assert time.monotonic() - began < 120


def test_the_command_names_what_it_found_and_can_repeat_it(tmp_path):
    command = [sys.executable, "-m", "tests.fuzz", "--count", "60", "--reader", "lines", "--reader", "output of pip"]
    ended = subprocess.run([*command, "--keep", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "60 inputs with seed 0" in ended.stdout
    assert list(tmp_path.iterdir()) == []
