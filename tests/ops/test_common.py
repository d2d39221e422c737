"""Operators report results and errors."""

from __future__ import annotations

from keymatte.engine.shared.errors import NoKeyframes
from keymatte.ops.common import ReportingOperator


class Sample(ReportingOperator):
    """An operator that calls `run` and records its reports."""

    def __init__(self, run) -> None:
        self.run = lambda context: run()
        self.reports = []

    def report(self, kind, text) -> None:
        self.reports.append((kind, text))


def fail():
    raise NoKeyframes("clip shot has no keyframes to propagate from")


def test_returned_text_is_reported_and_empty_text_is_not():
    spoken, silent = Sample(lambda: "Added"), Sample(lambda: "")
    assert spoken.execute(None) == silent.execute(None) == {"FINISHED"}
    assert spoken.reports == [({"INFO"}, "Added")]
    assert silent.reports == []


def test_error_is_reported_with_its_remedy():
    operator = Sample(fail)
    assert operator.execute(None) == {"CANCELLED"}
    assert operator.reports == [
        ({"ERROR"}, "Clip shot has no keyframes to propagate from. Mark at least one object on one frame first.")
    ]
