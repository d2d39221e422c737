"""Helpers of the Blender tests: synthetic films, a clip editor to click in, and images read back."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from bpy.types import Image, Mask, MovieClip

from tests.png import write_png

MODULE = "bl_ext.user_default.keymatte"
WIDTH, HEIGHT, FRAMES = 120, 80, 8
MEAN_IOU, WORST_IOU = 0.97, 0.9  # of mask layers and mattes, over frames: 0.2 pixels are much of what is 6 pixels high


def part(name: str):
    """Import a module of the installed extension by its name within the extension, such as "addon.session"."""
    return importlib.import_module(f"{MODULE}.{name}")


# -- films -------------------------------------------------------------------------------------------------------------
def ring(frame: int, *, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return the mask (H, W) bool of a ring that moves to the right; its hole shows the background."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    away = np.hypot(x - width * 0.3 - 3 * frame, y - height * 0.45)
    return (away < height * 0.3) & (away > height * 0.12)


def box(frame: int, *, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return the mask (H, W) bool of a box that moves upward and has left the picture by frame 5."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    return (abs(x - width * 0.85) < width * 0.1) & (abs(y - height * 0.15 + 5 * frame) < height * 0.13)


def truth(frame: int) -> np.ndarray:
    """Return the true labels (H, W) uint8: 1 for the ring, 2 for the box."""
    return np.where(ring(frame), 1, np.where(box(frame), 2, 0)).astype(np.uint8)


def picture(frame: int) -> np.ndarray:
    """Return the picture (H, W, 3) uint8: a red ring and a yellow box on blue, with a little grain."""
    colours = np.array([(30, 60, 140), (210, 50, 40), (230, 200, 40)])
    grain = np.random.default_rng(frame).integers(-8, 9, (HEIGHT, WIDTH, 3))
    return np.clip(colours[truth(frame)] + grain, 0, 255).astype(np.uint8)


def write_film(folder: Path, *, first: int = 1, frames: int = FRAMES, name: str = "shot_") -> Path:
    """Write the film as numbered images. Returns the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(frames):
        write_png(folder / f"{name}{first + frame:04d}.png", picture(frame))
    return folder / f"{name}{first:04d}.png"


# -- images ------------------------------------------------------------------------------------------------------------
PALETTE = np.array([(0, 0, 0), (200, 0, 0), (0, 200, 0), (90, 90, 0)])


def read_image(path: Path) -> np.ndarray:
    """Read an image with Blender: raw values (H, W, 4) float32, first row at the top."""
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    values = image_values(image)
    bpy.data.images.remove(image)
    return values


def image_values(image: Image) -> np.ndarray:
    width, height = image.size
    values = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(height, width, 4)[::-1].copy()


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection over union of two mattes thresholded at one half; 1 if both are empty."""
    a, b = a >= 0.5, b >= 0.5
    return float((a & b).sum() / (a | b).sum()) if (a | b).any() else 1.0


# -- masks -------------------------------------------------------------------------------------------------------------
def circle(x: float, y: float, radius: float, count: int = 16, *, clockwise: bool = False) -> np.ndarray:
    """Return the points (count, 2) of a circle in mask space."""
    turn = np.arange(count) * (2 * np.pi / count)
    points = np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=-1)
    return points[::-1] if clockwise else points


def add_spline(layer, points: np.ndarray, handles: str = "AUTO"):
    spline = layer.splines.new()
    spline.points.add(len(points) - 1)
    spline.use_cyclic = True
    for point, place in zip(spline.points, points):
        point.handle_type = handles
        point.co = point.handle_left = point.handle_right = place
    return spline


def new_mask(points: np.ndarray | None = None, handles: str = "AUTO") -> Mask:
    mask = bpy.data.masks.new("drawn")
    layer = mask.layers.new(name="drawn")
    if points is not None:
        add_spline(layer, points, handles)
    return mask


def render(scene, path: Path) -> np.ndarray:
    """Render the scene's compositor on the current frame to `path`, and return the image (H, W, 4)."""
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.image_settings.color_depth = "8"
    scene.view_settings.view_transform = "Standard"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    return read_image(path)


def compositor_tree(scene):
    return scene.compositing_node_group if bpy.app.version >= (5, 0, 0) else scene.node_tree


def new_compositor(scene):
    """Give the scene a compositor tree with only an output node, in the way of this Blender version.

    Returns the tree and the output node.
    """
    if bpy.app.version >= (5, 0, 0):
        tree = scene.compositing_node_group = bpy.data.node_groups.new("tree", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        output = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        output = tree.nodes.new("CompositorNodeComposite")
    return tree, output


def mask_by_node(mask: Mask, frame: int, folder: Path) -> np.ndarray:
    """Render a mask on a scene frame with a Mask node, without the extension's code, and return it (H, W)."""
    active = bpy.context.scene
    active.frame_set(frame)
    scene = bpy.data.scenes.new("look")
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    tree, output = new_compositor(scene)
    node = tree.nodes.new("CompositorNodeMask")
    node.mask = mask
    tree.links.new(node.outputs[0], output.inputs[0])
    scene.frame_set(frame)
    scene.view_settings.view_transform = "Raw"
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "BW"
    scene.render.filepath = str(folder / "mask_by_node.png")
    bpy.ops.render.render(write_still=True, scene=scene.name)
    bpy.data.scenes.remove(scene)
    return read_image(folder / "mask_by_node.png")[..., 0]


# -- the artist --------------------------------------------------------------------------------------------------------
class Studio:
    """Blender as an artist uses it: a saved file, a clip editor, and operators called as if by clicks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.session = part("addon.session").session

    def new_file(self) -> None:
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        bpy.ops.wm.save_as_mainfile(filepath=str(self.folder / "shot.blend"))

    @property
    def scene(self):
        return bpy.context.window_manager.windows[0].scene

    @property
    def clip(self) -> MovieClip:
        """Return the movie clip. It is looked up each time, because loading a file and undo replace it."""
        return bpy.data.movieclips[0]

    @property
    def area(self):
        return bpy.context.window_manager.windows[0].screen.areas[0]

    @property
    def space(self):
        return self.area.spaces.active

    def open(self, path: Path, *, start: int = 1, offset: int = 0) -> MovieClip:
        """Load a clip and show it in a clip editor. Returns the clip."""
        clip = bpy.data.movieclips.load(str(path))
        clip.frame_start, clip.frame_offset = start, offset
        self.area.type = "CLIP_EDITOR"
        self.space.clip = clip
        return clip

    def open_film(self, *, first: int = 1, start: int = 1, offset: int = 0, frames: int = FRAMES) -> MovieClip:
        return self.open(write_film(self.folder / "film", first=first, frames=frames), start=start, offset=offset)

    @contextmanager
    def editor(self):
        window = bpy.context.window_manager.windows[0]
        region = next(region for region in self.area.regions if region.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=self.area, region=region):
            yield

    def click(self, operator: str, **properties):
        """Call an operator of the extension as a click in the clip editor does."""
        with self.editor():
            return getattr(bpy.ops.clip, operator)(**properties)

    def follow(self, track, mask: Mask) -> None:
        """Make the points of a mask follow a track of the clip, from scene frame 1 on."""
        self.go(1)
        self.space.clip_user.frame_current = 1
        self.space.mode, self.space.mask = "MASK", mask
        for point in mask.layers[0].splines[0].points:
            point.select = True
        track.select = True
        self.clip.tracking.tracks.active = track
        with self.editor():
            bpy.ops.mask.parent_set()

    def go(self, frame: int) -> None:
        self.scene.frame_set(frame)

    def mark(self, frame: int, *, media: int, objects: int = 2) -> None:
        """Set keyframes of the first `objects` objects on the scene frame `frame`.

        Their masks are the true labels of the media frame `media`.
        """
        labels = truth(media)
        labels[labels > objects] = 0
        path = write_png(self.folder / f"labels {media}.png", labels, PALETTE)
        self.go(frame)
        self.click("matte_keyframe_from_image", filepath=str(path), all_objects=True)

    def open_marked(self, **film) -> None:
        """Open a film and set keyframes of both objects on its first frame."""
        self.open_film(**film)
        self.mark(self.clip.frame_start - self.clip.frame_offset, media=0)

    def import_keyframe(
        self,
        pixels: np.ndarray,
        palette: np.ndarray | None = None,
        *,
        bit_depth: int = 8,
        interlaced: bool = False,
        **properties,
    ) -> np.ndarray:
        """Set a keyframe on frame 1 from an image with these pixels. Returns the keyframe's mask (H, W) bool."""
        self.go(1)
        path = write_png(self.folder / "given.png", pixels, palette, bit_depth=bit_depth, interlaced=interlaced)
        self.click("matte_keyframe_from_image", filepath=str(path), **properties)
        return self.keyframe_mask()

    def keyframe_alpha(self, object_id: int = 1, number: int = 1) -> np.ndarray:
        """Return the alpha (H, W) uint8 of a keyframe as the next job reads it from disk."""
        part("addon.keyframes").keyframe_files(self.clip)
        return part("addon.png").read(self.matte_folder.keyframe(object_id, number)).values

    def keyframe_mask(self, object_id: int = 1, number: int = 1) -> np.ndarray:
        """Return the pixels (H, W) bool that a keyframe gives to its object."""
        return self.keyframe_alpha(object_id, number) >= 128

    def propagate(self, **properties):
        """Run Propagate and wait until it ends.

        The recipe is `colour` unless `properties` has another; the recipe "" stands for the one chosen in the menu.
        """
        return self.click("matte_propagate", wait=True, **{"recipe": "colour", **properties})

    @property
    def state(self) -> str:
        return str(self.session.status.state)

    def pump_until(self, done: Callable[[], bool], seconds: float = 60.0) -> None:
        """Poll the session, as Blender's timer does, until `done()` returns true."""
        limit = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < limit, self.session.status
            self.session.pump()
            time.sleep(0.02)

    def matte(self, object_id: int, number: int) -> np.ndarray:
        """Return the matte (H, W) 0..1 that the engine wrote for an object and a file number."""
        return read_image(self.matte_folder.matte(object_id, number))[..., 0]

    @property
    def matte_folder(self):
        return part("addon.folders").existing_folder(self.clip)
