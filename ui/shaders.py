"""Shaders of the overlay: an alpha filled or outlined, and what covers the whole clip."""

from __future__ import annotations

from functools import cache

import gpu
from gpu.types import GPUShader, GPUShaderCreateInfo, GPUStageInterfaceInfo

# `pos` is a point of the region. The shaders take only the inputs that they use: compilers drop the others.
_VERTEX = """
void main()
{
  SHARED = INPUT;
  gl_Position = region_matrix * vec4(pos, 0.0, 1.0);
}
"""

# `clip_point` is a fraction of the clip's width and height, y down. `tile` is the rectangle that the texture shows
# (left, top, width, height), and `bounds` the part of it to be drawn (left, top, right, bottom). Texels are fetched and
# interpolated here, since not every version can set the filter of a texture.
_MATTE = """
float texel(ivec2 at)
{
  return texelFetch(matte, clamp(at, ivec2(0), textureSize(matte, 0) - ivec2(1)), 0).r;
}

vec2 place_in_texture()
{
  return (clip_point - tile.xy) / tile.zw * vec2(textureSize(matte, 0));
}

bool is_outside()
{
  return any(lessThan(clip_point, bounds.xy)) || any(greaterThanEqual(clip_point, bounds.zw));
}

// Stripes `hatch` pixels of the screen apart, falling if it is negative; none if it is 0.
float stripes(float beside)
{
  float across = gl_FragCoord.x - sign(hatch) * gl_FragCoord.y;
  return (hatch == 0.0 || mod(across, abs(hatch)) < abs(hatch) * 0.5) ? 1.0 : beside;
}
"""

_FILL = """
float interpolated(vec2 at)
{
  vec2 corner = floor(at - vec2(0.5));
  vec2 part = at - vec2(0.5) - corner;
  ivec2 first = ivec2(corner);
  float upper = mix(texel(first), texel(first + ivec2(1, 0)), part.x);
  float lower = mix(texel(first + ivec2(0, 1)), texel(first + ivec2(1, 1)), part.x);
  return mix(upper, lower, part.y);
}

void main()
{
  if (is_outside()) {
    discard;
  }
  vec2 at = place_in_texture();
  float alpha = (soft > 0.5) ? interpolated(at) : texel(ivec2(floor(at)));
  FragColor = vec4(colour.rgb, colour.a * alpha * stripes(0.25));
}
"""

# The line runs where the alpha crosses one half within `radius` pixels of the screen. It is looked for in the four main
# directions first, as most pixels have nothing there.
_LINE = """
float inside(vec2 at)
{
  return step(0.5, texel(ivec2(floor(at))));
}

void main()
{
  vec2 at = place_in_texture();
  vec2 across = dFdx(at) * radius;
  vec2 up = dFdy(at) * radius;
  if (is_outside()) {
    discard;
  }
  float found = inside(at + across) + inside(at - across) + inside(at + up) + inside(at - up);
  float middle = inside(at);
  if (found == middle * 4.0) {
    discard;
  }
  vec2 rising = (across + up) * 0.7071;
  vec2 falling = (across - up) * 0.7071;
  found += inside(at + rising) + inside(at - rising) + inside(at + falling) + inside(at - falling);
  float line = 1.0 - abs(found / 4.0 - 1.0);
  FragColor = vec4(colour.rgb, colour.a * clamp(line * 3.0, 0.0, 1.0) * stripes(0.0));
}
"""

# What was drawn into a texture of the region's size, over the clip. The texture's colours are multiplied by alpha.
_GROUP = """
void main()
{
  FragColor = texelFetch(group, ivec2(floor(region_point)), 0) * opacity;
}
"""

# Two colours in squares of `square` pixels of the screen, where the texture of the region's size has no red.
_GROUND = """
void main()
{
  vec2 squares = floor(region_point / square);
  vec4 painted = (mod(squares.x + squares.y, 2.0) < 0.5) ? colour : other;
  FragColor = vec4(painted.rgb, 1.0 - texelFetch(group, ivec2(floor(region_point)), 0).r);
}
"""


@cache
def fill() -> GPUShader:
    """Return the shader that fills an alpha with a colour. To be called while Blender draws, like all functions here.

    Its uniforms: region_matrix, colour, tile, bounds, soft, hatch, and the texture `matte`.
    """
    return _matte_shader(_FILL, "keymatte_fill")


@cache
def line() -> GPUShader:
    """Return the shader that draws a line along the edge of an alpha; it has `radius` where `fill` has `soft`."""
    return _matte_shader(_LINE, "keymatte_line")


@cache
def group() -> GPUShader:
    """Return the shader that draws a texture of the region's size; uniforms: the matrix, opacity, and `group`."""
    info = begun("keymatte_group", "region_point", "pos")
    info.push_constant("FLOAT", "opacity")
    info.sampler(0, "FLOAT_2D", "group")
    return made(info, _GROUP)


@cache
def ground() -> GPUShader:
    """Return the shader that hides the clip where `group` is not red; uniforms: colour, other, square, the matrix."""
    info = begun("keymatte_ground", "region_point", "pos")
    info.push_constant("VEC4", "colour")
    info.push_constant("VEC4", "other")
    info.push_constant("FLOAT", "square")
    info.sampler(0, "FLOAT_2D", "group")
    return made(info, _GROUND)


def free() -> None:
    """Drop the compiled shaders."""
    for shader in (fill, line, group, ground):
        shader.cache_clear()


def _matte_shader(source: str, name: str) -> GPUShader:
    info = begun(name, "clip_point", "place")
    info.vertex_in(1, "VEC2", "place")
    # All constants of a shader fit the 128 bytes that every graphics card grants.
    info.push_constant("VEC4", "colour")
    info.push_constant("VEC4", "tile")
    info.push_constant("VEC4", "bounds")
    info.push_constant("FLOAT", "radius" if source is _LINE else "soft")
    info.push_constant("FLOAT", "hatch")
    info.sampler(0, "FLOAT_2D", "matte")
    return made(info, _MATTE + source)


def begun(name: str, shared: str, given: str) -> GPUShaderCreateInfo:
    """Begin a shader whose fragments get the vertices' input `given`, interpolated, as `shared`."""
    between = GPUStageInterfaceInfo(f"{name}_interface")
    between.smooth("VEC2", shared)
    info = GPUShaderCreateInfo()
    info.push_constant("MAT4", "region_matrix")
    info.vertex_in(0, "VEC2", "pos")
    info.vertex_out(between)
    info.fragment_out(0, "VEC4", "FragColor")
    info.vertex_source(_VERTEX.replace("SHARED", shared).replace("INPUT", given))
    return info


def made(info: GPUShaderCreateInfo, source: str) -> GPUShader:
    """Return a shader that was begun, with the source of its fragments."""
    info.fragment_source(source)
    return gpu.shader.create_from_info(info)
