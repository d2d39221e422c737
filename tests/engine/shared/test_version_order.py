"""Order of version numbers."""

from __future__ import annotations

import pytest

from engine import VERSION
from engine.shared.version_order import newer, precedence

pytestmark = pytest.mark.fast


def test_versions_are_ordered_as_semantic_versioning_says():
    ordered = ["0.1.0", "0.2.0-alpha", "0.2.0-alpha.1", "0.2.0-alpha.beta", "0.2.0-beta.2", "0.2.0-beta.11", "0.2.0"]
    ordered += ["0.2.1", "0.10.0", "1.0.0"]
    keys = [precedence(version) for version in ordered]
    assert keys == sorted(set(keys))
    for wrong in ("1", "1.0", "v1.0.0", "1.0.0.0", "", "1.²0.0"):
        with pytest.raises(ValueError, match="is no version"):
            precedence(wrong)


def test_only_a_newer_version_is_told():
    assert newer("99.0.0") == "99.0.0" and newer("99.0.0-rc.1") == "99.0.0-rc.1"
    assert [newer(other) for other in (VERSION, "0.1.0", "", "99", None, 99, {"a": 1})] == [""] * 7
