"""Skinned meshes and skeletal animations, and the actors made of them."""

from __future__ import annotations

import struct
import zipfile

import numpy as np
import pytest

from engine.training.assets import is_held_out
from engine.training.scenes.skeletal import NO_BONE, MalformedFileError, pose_at, read_animation, read_mesh
from engine.training.scenes.zeroad_actors import HELD_OUT_PERCENT, PEOPLE, ZeroADActors


def mesh_bytes(points, faces, bones, rest, sockets=()):
    """Return the bytes of a PMD file of version 3 in which each vertex follows one bone."""
    body = struct.pack("<I", len(points))
    for point, bone in zip(points, bones):
        body += struct.pack("<3f3f2f4B4f", *point, 0, 1, 0, 0.25, 0.75, bone, *(NO_BONE,) * 3, 1, 0, 0, 0)
    body += struct.pack("<I", len(faces)) + np.asarray(faces, "<u2").tobytes()
    body += struct.pack("<I", len(rest)) + np.asarray(rest, "<f4").tobytes() + struct.pack("<I", len(sockets))
    for name, bone in sockets:
        body += struct.pack("<I", len(name)) + name.encode() + struct.pack("<7fB", 0, 0, 0, 0, 0, 0, 1, bone)
    return b"PSMD" + struct.pack("<II", 3, len(body)) + body


def animation_bytes(states):
    """Return the bytes of a PSA file with bone states (N, B, 7)."""
    body = struct.pack("<I3sfII", 3, b"run", 33.3, states.shape[1], len(states)) + states.astype("<f4").tobytes()
    return b"PSSA" + struct.pack("<II", 1, len(body)) + body


REST = np.array([[0, 0, 0, 0, 0, 0, 1.0], [0, 1, 0, 0, 0, 0, 1.0]])
ARM = mesh_bytes(
    [[0, 0, 0], [0, 1, 0], [0, 2, 0]], [[0, 1, 2]], [0, 1, 1], REST, sockets=[("Prop-Hand", 1), ("root", NO_BONE)]
)


def test_a_bone_moves_its_vertices_and_attachment_points():
    mesh = read_mesh(ARM)
    half = np.sqrt(0.5)
    states = np.stack([REST, REST])
    states[1, 1] = [0, 1, 0, 0, 0, half, half]  # the upper bone is rotated a quarter turn about z
    pose = pose_at(read_animation(animation_bytes(states)), np.array([0.0, 0.999999]))
    assert np.allclose(mesh.deform(pose)[0], mesh.points, atol=1e-5)
    assert np.allclose(mesh.deform(pose)[1], [[0, 0, 0], [0, 1, 0], [-1, 1, 0]], atol=1e-4)
    hand = mesh.attachment_transforms("hand", pose, 2)
    assert np.allclose(hand[1, :3, :3] @ [0, 1, 0], [-1, 0, 0], atol=1e-4)
    assert np.allclose(mesh.attachment_transforms("root", pose, 2), np.eye(4))
    assert mesh.attachment_transforms("tail", pose, 2) is None


@pytest.mark.parametrize("damage", ["magic", "short", "version", "faces"])
def test_a_damaged_mesh_is_refused(damage):
    data = {
        "magic": b"ABCD" + ARM[4:],
        "short": ARM[:-20],
        "version": ARM[:4] + struct.pack("<I", 9) + ARM[8:],
        "faces": mesh_bytes([[0, 0, 0]], [[0, 1, 2]], [0], REST),
    }[damage]
    with pytest.raises(MalformedFileError):
        read_mesh(data)


def test_an_actor_has_its_animation_its_props_and_a_choice_of_variants(tmp_path):
    folder = tmp_path / "unpacked" / "0ad-data" / "usr" / "share" / "games" / "0ad" / "mods" / "public"
    folder.mkdir(parents=True)
    name = next(
        f"body_{number}.dae" for number in range(99) if not is_held_out(f"body_{number}.dae", percent=HELD_OUT_PERCENT)
    )
    states = np.stack([REST] * 9)
    states[:, 1, 0] = np.linspace(0, 1, 9)  # the upper bone moves sideways
    with zipfile.ZipFile(folder / "public.zip", "w") as archive:
        archive.writestr(
            "art/actors/units/someone.xml",
            f"<actor><group><variant frequency='1' name='Base'><mesh>{name}</mesh>"
            "<props><prop actor='props/hat.xml' attachpoint='hand'/>"
            "<prop actor='absent.xml' attachpoint='hand'/></props>"
            "</variant></group><group><variant file='moves.xml'/></group></actor>",
        )
        archive.writestr(
            "art/actors/props/hat.xml", "<actor><group><variant><mesh>hat.dae</mesh></variant></group></actor>"
        )
        archive.writestr(
            "art/variants/moves.xml",
            "<variant><animations><animation file='walk.dae' name='Walk'/></animations></variant>",
        )
        archive.writestr(f"art/meshes/{name}.cached.pmd", ARM)
        archive.writestr(
            "art/meshes/hat.dae.cached.pmd",
            mesh_bytes([[0, 0, 0], [0, 0, 1], [1, 0, 0]], [[0, 1, 2]], [NO_BONE] * 3, []),
        )
        archive.writestr("art/animation/walk.dae.cached.psa", animation_bytes(states))
    actor = ZeroADActors(tmp_path, held_out=False).sample_actor(
        np.random.default_rng(1), PEOPLE, np.arange(4) / 30, action="walk"
    )
    assert actor.action == "walk"
    assert actor.source == "units/someone.xml"
    assert actor.mesh.points.shape == (4, 6, 3)
    assert len(actor.materials) == 2
    still, body, hat = actor.mesh.points[:, 0], actor.mesh.points[:, 2], actor.mesh.points[:, 3]
    assert np.allclose(still[0], still[3])
    assert not np.allclose(body[0], body[3])
    assert np.allclose(hat - hat[0], body - body[0]), "the hat does not move with its bone"
    with pytest.raises(LookupError):
        ZeroADActors(tmp_path, held_out=True).sample_actor(np.random.default_rng(1), PEOPLE, np.arange(4) / 30)
