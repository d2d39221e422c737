"""Scripts for After Effects, run by Node.js against classes that record what the program's own would be told."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from engine.shared.shape_files.formats import save_roto
from tests.rotos import HEIGHT, WIDTH, sample_roto

NODE = shutil.which("node")
# Stand-ins for the documented classes, which refuse what is not documented, and record the rest.
STAGE = """
var KeyframeInterpolationType = {LINEAR: "linear", HOLD: "hold"};
var MaskMode = {ADD: "add", SUBTRACT: "subtract", LIGHTEN: "lighten", DARKEN: "darken"};
function Shape() { Object.seal(Object.assign(this, {vertices: [], inTangents: [], outTangents: [], closed: true,
    featherSegLocs: [], featherRelSegLocs: [], featherRadii: [], featherTypes: [], featherInterps: [],
    featherTensions: [], featherRelCornerAngles: []})); }
function Property() { this.times = []; this.values = []; this.kinds = []; this.numKeys = 0; }
Property.prototype.setValue = function (value) { this.values = [value]; };
Property.prototype.setValuesAtTimes = function (times, values) {
    if (times.length !== values.length) throw new Error("lengths differ");
    this.times = times; this.values = values; this.numKeys = times.length; };
Property.prototype.setInterpolationTypeAtKey = function (key, before, after) { this.kinds[key - 1] = [before, after]; };
function Mask() { this.parts = {"ADBE Mask Shape": new Property(), "ADBE Mask Opacity": new Property()}; }
Mask.prototype.property = function (name) { return this.parts[name]; };
var told = {groups: 0, comps: []};
var app = {
    beginUndoGroup: function () { told.groups++; }, endUndoGroup: function () { told.groups += 10; },
    project: {items: {addComp: function (name, width, height, aspect, seconds, fps) {
        var comp = {name: name, width: width, height: height, aspect: aspect, seconds: seconds, fps: fps, solids: []};
        told.comps.push(comp);
        return {layers: {addSolid: function (colour, name, width, height, aspect, seconds) {
            var solid = {name: name, width: width, height: height, masks: []};
            comp.solids.push(solid);
            return {property: function (parade) { return {addProperty: function (kind) {
                if (parade !== "ADBE Mask Parade" || kind !== "ADBE Mask Atom") throw new Error(kind);
                var mask = new Mask(); solid.masks.push(mask); return mask; }}; }};
        }}};
    }}}
};
"""


def run(text: str, folder) -> dict:
    """Run a script in strict mode, and return what it has told the program."""
    (folder / "run.js").write_text(f'"use strict";{STAGE}\n{text}\nconsole.log(JSON.stringify(told));', "utf-8")
    return json.loads(subprocess.run([NODE, folder / "run.js"], check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
def test_the_script_makes_the_masks_that_the_roto_has(tmp_path):
    """Vertices, tangents, times, modes, opacity and feathers, of each object in a solid of its own."""
    roto = sample_roto()
    assert save_roto(tmp_path / "a.jsx", roto) == []
    told = run((tmp_path / "a.jsx").read_text("ascii"), tmp_path)
    assert told["groups"] == 11
    (comp,) = told["comps"]
    assert (comp["name"], comp["width"], comp["height"], comp["fps"]) == (roto.name, WIDTH, HEIGHT, roto.fps)
    assert comp["seconds"] == pytest.approx(12 / roto.fps) and comp["aspect"] == roto.pixel_aspect
    assert [solid["name"] for solid in comp["solids"]] == ["物体/1", "b"]
    ring = roto.layers[0]
    masks, cut = comp["solids"][0]["masks"][:2], comp["solids"][0]["masks"][2]
    assert [mask["maskMode"] for mask in masks] == ["add", "subtract"]
    for mask, spline in zip(masks, ring.splines, strict=True):
        shape, opacity = mask["parts"]["ADBE Mask Shape"], mask["parts"]["ADBE Mask Opacity"]
        assert np.allclose(np.array(shape["times"]) * roto.fps + 1001, ring.keys)
        assert shape["kinds"] == [["linear", "linear"]] * 3
        for row, value in enumerate(shape["values"]):
            at = np.array(value["vertices"])
            handles = np.stack([at + value["inTangents"], at, at + value["outTangents"]], axis=1)
            assert np.allclose(handles, spline.points[row], atol=1e-9) and value["closed"]
        assert np.allclose(np.array(opacity["times"]) * roto.fps + 1001, [1001, 1006, 1008])
        assert np.allclose(opacity["values"], [100, 0, 70]) and opacity["kinds"][0] == ["hold", "hold"]
    soft = masks[0]["parts"]["ADBE Mask Shape"]["values"][1]
    assert np.allclose(soft["featherRadii"], ring.splines[0].feather[1]) and soft["featherSegLocs"] == [0, 1, 2, 3, 4]
    assert masks[1]["parts"]["ADBE Mask Shape"]["values"][1]["featherRadii"] == []
    still, opened = comp["solids"][1]["masks"]
    assert opened == cut, "what subtracts from all before it is on every solid"
    assert still["parts"]["ADBE Mask Shape"]["times"] == [] and len(still["parts"]["ADBE Mask Shape"]["values"]) == 1
    assert np.allclose(still["parts"]["ADBE Mask Opacity"]["values"], [30])
    assert (
        opened["maskMode"] == "subtract"
        and opened["inverted"]
        and not opened["parts"]["ADBE Mask Shape"]["values"][0]["closed"]
    )
