"""Numbers of the papers and their repositories, which results are put beside: the one place that holds them."""

from __future__ import annotations

from dataclasses import dataclass

_XMEM = "XMem's repository, results"
_ZOO = "aot-benchmark, model zoo"
_MAVOS = "MAVOS' paper (frames/s on a V100)"
_RMEM = "RMem's paper"
_QDMN = "QDMN's repository"


@dataclass(frozen=True)
class Published:
    """Numbers that a paper states for a method on a benchmark, in percent, and frames per second if it does."""

    benchmark: str  # as in `Benchmark.name`
    method: str
    recipe: str  # that runs this method with the weights named in `method`; "" if there is none
    numbers: dict[str, float]  # as in `summary.Measures`
    source: str
    fps: float | None = None


def published(benchmark: str) -> tuple[Published, ...]:
    """Return what papers state for a benchmark, in the order of the table."""
    return tuple(row for row in _ROWS if row.benchmark == benchmark)


def _jf(overall: float, region: float, contour: float) -> dict[str, float]:
    return {"J&F": overall, "J": region, "F": contour}


def _split(overall: float, *four: float) -> dict[str, float]:
    """Name the numbers of YouTube-VOS: overall, J and F of seen, J and F of unseen categories."""
    return {"J&F": overall, **dict(zip(("J_seen", "F_seen", "J_unseen", "F_unseen"), four, strict=True))}


_ROWS = (
    # -- DAVIS ---------------------------------------------------------------------------------------------------------
    Published("davis16-val", "XMem", "xmem", _jf(91.5, 90.4, 92.7), _XMEM, 29.6),
    Published("davis16-val", "XMem-s012", "xmem", _jf(92.0, 90.7, 93.2), _XMEM),
    Published("davis16-val", "XMem-s2", "xmem", _jf(90.8, 89.6, 91.9), _XMEM),
    Published("davis16-val", "QDMN", "qdmn", _jf(92.0, 90.7, 93.2), _QDMN),
    Published("davis16-val", "AOT-L MobileNetV2", "aot-l-mbv2", {"J&F": 91.1}, _ZOO),
    Published("davis16-val", "AOT-L R50", "aot-l", {"J&F": 91.7}, _ZOO),
    Published("davis16-val", "AOT-L Swin-B", "aot-l-swinb", {"J&F": 92.2}, _ZOO),
    Published("davis17-val", "XMem", "xmem", _jf(86.2, 82.9, 89.5), _XMEM, 22.6),
    Published("davis17-val", "XMem-s012", "xmem", _jf(87.7, 84.0, 91.4), _XMEM),
    Published("davis17-val", "XMem-s2", "xmem", _jf(84.5, 81.4, 87.6), _XMEM),
    Published("davis17-val", "XMem-no-sensory", "xmem", {"J&F": 85.1}, _XMEM, 23.1),
    Published("davis17-val", "QDMN", "qdmn", _jf(85.6, 82.5, 88.6), _QDMN),
    Published("davis17-val", "AOT-L MobileNetV2", "aot-l-mbv2", {"J&F": 83.6}, _ZOO, 18.7),
    Published("davis17-val", "AOT-L R50", "aot-l", {"J&F": 85.2}, _ZOO, 18.0),
    Published("davis17-val", "AOT-L Swin-B", "aot-l-swinb", {"J&F": 85.9}, _ZOO, 12.1),
    Published("davis17-val", "AOT-L MobileNetV2", "aot-l-mbv2", {"J&F": 83.8}, _MAVOS, 20.3),
    Published("davis17-val", "DeAOT-L MobileNetV2", "deaot-l-mbv2", {"J&F": 84.5}, _MAVOS, 29.3),
    Published("davis17-val", "MAVOS MobileNetV2", "mavos", _jf(84.4, 81.5, 87.2), _MAVOS, 39.2),
    Published("davis17-val", "MAVOS R50", "mavos-r50", _jf(85.6, 82.6, 88.5), _MAVOS, 37.6),
    Published("davis17-val", "MAVOS Swin-B", "mavos-swinb", _jf(86.4, 83.2, 89.6), _MAVOS, 21.8),
    Published("davis17-val", "DeAOT-L R50 + RMem", "deaot-l+rmem", {"J&F": 85.2}, _RMEM),
    Published("davis17-test-dev", "XMem", "xmem", _jf(81.0, 77.4, 84.5), _XMEM),
    Published("davis17-test-dev", "XMem-s012", "xmem", _jf(81.2, 77.6, 84.7), _XMEM),
    Published("davis17-test-dev", "QDMN", "qdmn", _jf(81.9, 78.1, 85.4), _QDMN),
    Published("davis17-test-dev", "AOT-L MobileNetV2", "aot-l-mbv2", {"J&F": 79.3}, _ZOO),
    Published("davis17-test-dev", "AOT-L R50", "aot-l", {"J&F": 79.5}, _ZOO),
    Published("davis17-test-dev", "AOT-L Swin-B", "aot-l-swinb", {"J&F": 82.1}, _ZOO),
    # -- YouTube-VOS ---------------------------------------------------------------------------------------------------
    Published("youtube18-valid-all", "XMem", "xmem", _split(85.7, 84.6, 89.3, 80.2, 88.7), _XMEM, 22.6),
    Published("youtube18-valid-all", "XMem-s012", "xmem", _split(86.1, 85.1, 89.8, 80.3, 89.2), _XMEM),
    Published("youtube18-valid-all", "XMem-s2", "xmem", _split(84.3, 83.9, 88.8, 77.7, 86.7), _XMEM),
    Published("youtube18-valid-all", "XMem-no-sensory", "xmem", {"J&F": 84.4}, _XMEM),
    Published("youtube18-valid-all", "AOT-L MobileNetV2", "aot-l-mbv2", {"J&F": 84.5}, _ZOO, 6.5),
    Published("youtube18-valid-all", "AOT-L R50", "aot-l", {"J&F": 85.5}, _ZOO, 6.4),
    Published("youtube18-valid-all", "AOT-L Swin-B", "aot-l-swinb", {"J&F": 85.1}, _ZOO, 5.2),
    Published("youtube18-valid", "QDMN", "qdmn", _split(83.8, 82.7, 87.5, 78.4, 86.4), _QDMN),
    Published("youtube18-valid", "AOT-L MobileNetV2", "aot-l-mbv2", {"J&F": 84.1}, _ZOO, 16.0),
    Published("youtube18-valid", "AOT-L R50", "aot-l", {"J&F": 84.6}, _ZOO, 14.9),
    Published("youtube18-valid", "AOT-L Swin-B", "aot-l-swinb", {"J&F": 84.7}, _ZOO, 9.3),
    Published("youtube18-valid", "DeAOT-L MobileNetV2", "deaot-l-mbv2", {"J&F": 84.8}, _ZOO, 24.7),
    Published("youtube18-valid", "DeAOT-L R50", "deaot-l", {"J&F": 86.0}, _ZOO, 22.4),
    Published("youtube18-valid", "DeAOT-L Swin-B", "deaot-l-swinb", {"J&F": 86.2}, _ZOO, 11.9),
    Published("youtube19-valid-all", "XMem", "xmem", _split(85.5, 84.3, 88.6, 80.3, 88.6), _XMEM),
    Published("youtube19-valid-all", "XMem-s012", "xmem", _split(85.8, 84.8, 89.2, 80.3, 88.8), _XMEM),
    Published("youtube19-valid-all", "XMem-s2", "xmem", _split(84.2, 83.8, 88.3, 78.1, 86.7), _XMEM),
    Published("youtube19-valid", "AOT-L MobileNetV2", "aot-l-mbv2", {"J&F": 84.0}, _ZOO),
    Published("youtube19-valid", "AOT-L R50", "aot-l", {"J&F": 84.4}, _ZOO),
    Published("youtube19-valid", "AOT-L Swin-B", "aot-l-swinb", {"J&F": 84.7}, _ZOO),
    Published("youtube19-valid", "DeAOT-L MobileNetV2", "deaot-l-mbv2", {"J&F": 84.7}, _ZOO),
    Published("youtube19-valid", "DeAOT-L R50", "deaot-l", {"J&F": 85.9}, _ZOO),
    Published("youtube19-valid", "DeAOT-L Swin-B", "deaot-l-swinb", {"J&F": 86.1}, _ZOO),
    # -- long videos ---------------------------------------------------------------------------------------------------
    Published("longtime", "XMem", "xmem", _jf(89.8, 88.0, 91.6), _XMEM),
    Published("longtime-3x", "XMem", "xmem", _jf(90.0, 88.2, 91.8), _XMEM),
    Published("longtime", "DeAOT-L MobileNetV2", "deaot-l-mbv2", {"J&F": 87.9}, _MAVOS, 4.1),
    Published("longtime", "MAVOS MobileNetV2", "mavos", {"J&F": 87.4}, _MAVOS, 38.9),
    Published("longtime", "MAVOS R50", "mavos-r50", {"J&F": 87.5}, _MAVOS, 38.2),
    Published("longtime", "MAVOS Swin-B", "mavos-swinb", {"J&F": 90.3}, _MAVOS, 22.0),
    Published("longtime", "AOT (RMem's baseline)", "", {"J&F": 86.7}, _RMEM),
    Published("longtime", "DeAOT (RMem's baseline)", "", {"J&F": 89.4}, _RMEM),
    Published("longtime", "AOT + RMem", "aot-l+rmem", {"J&F": 90.3}, _RMEM),
    Published("longtime", "DeAOT + RMem", "deaot-l+rmem", {"J&F": 91.5}, _RMEM),
    Published("lvos1-val", "AOT-L MobileNetV2", "aot-l-mbv2", {"J&F": 60.3}, _MAVOS, 2.1),
    Published("lvos1-val", "DeAOT-L MobileNetV2", "deaot-l-mbv2", _jf(61.1, 55.2, 67.1), _MAVOS, 5.0),
    Published("lvos1-val", "MAVOS MobileNetV2", "mavos", _jf(60.9, 54.6, 67.1), _MAVOS, 38.2),
    Published("lvos1-val", "MAVOS R50", "mavos-r50", _jf(63.3, 57.6, 69.0), _MAVOS, 37.1),
    Published("lvos1-val", "MAVOS Swin-B", "mavos-swinb", _jf(64.8, 58.7, 70.9), _MAVOS, 22.3),
    # -- objects that change their state -------------------------------------------------------------------------------
    Published("vost-val", "AOT-L R50 (aot_plus)", "", {"J": 49.2, "J_tr": 37.0}, _RMEM),
    Published("vost-val", "AOT-L R50 + RMem", "aot-l+rmem", {"J": 50.5, "J_tr": 39.8}, _RMEM),
    Published("vost-val", "DeAOT-L R50 (aot_plus)", "", {"J": 51.0, "J_tr": 37.6}, _RMEM),
    Published("vost-val", "DeAOT-L R50 + RMem", "deaot-l+rmem", {"J": 51.8, "J_tr": 40.4}, _RMEM),
)
