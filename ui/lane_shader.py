"""Shader of the lane: each state has its own colour and its own pattern, so that colour alone tells nothing apart."""

from __future__ import annotations

from functools import cache

from gpu.types import GPUShader

from . import shaders

# `lane_point` is in pixels of the screen from the lane's lower left corner. `size` is width, height of a row, number of
# rows, and pixels in a unit of the interface. The patterns run along the row or repeat within its height, so that a
# frame that is one pixel wide shows them, too. Codes are those of `addon/lane.py`; colours are from Okabe and Ito's
# palette for the colour-blind (2008).
_LANE = """
const vec3 GREEN = vec3(0.0, 0.62, 0.45);
const vec3 SKY = vec3(0.34, 0.71, 0.91);
const vec3 YELLOW = vec3(0.94, 0.89, 0.26);
const vec3 VERMILION = vec3(0.84, 0.37, 0.0);

float within(float value, float low, float high)
{
  return step(low, value) * (1.0 - step(high, value));
}

vec4 state_colour(int state, vec2 at, float part, float unit)
{
  float band = within(part, 0.28, 0.72);
  float full = within(part, 0.08, 0.92);
  if (state == 1) {  // fresh: a narrow band
    return vec4(GREEN, band);
  }
  if (state == 2) {  // edited: a narrow band with gaps
    return vec4(SKY, band * step(mod(at.x, 9.0 * unit), 6.0 * unit));
  }
  if (state == 3) {  // missing: its edges
    return vec4(ink.rgb, 0.85 * (full - within(part, 0.22, 0.78)));
  }
  if (state == 4) {  // unknown: dots
    vec2 dot_at = mod(at, vec2(4.0 * unit)) - vec2(2.0 * unit);
    return vec4(ink.rgb, band * (length(dot_at) < 1.4 * unit ? 0.9 : 0.3));
  }
  if (state == 5) {  // doubtful: full height, with a dark line along its middle
    return vec4(mix(YELLOW, vec3(0.1), within(part, 0.42, 0.6)), full);
  }
  if (state == 6) {  // stale: full height, with dark stripes
    float stripe = step(mod(at.x + at.y, 6.0 * unit), 2.0 * unit);
    return vec4(mix(VERMILION, vec3(0.12), stripe), full);
  }
  return vec4(0.0);
}

void main()
{
  float unit = size.w;
  ivec2 cells = textureSize(codes, 0);
  int row = clamp(int(lane_point.y / size.y), 0, cells.y - 1);
  int column = clamp(int(lane_point.x / size.x * float(cells.x)), 0, cells.x - 1);
  int code = int(texelFetch(codes, ivec2(column, cells.y - 1 - row), 0).r * 255.0 + 0.5);
  float part = fract(lane_point.y / size.y);
  float is_absent = ((code & 32) != 0) ? 1.0 : 0.0;
  float is_locked = ((code & 64) != 0) ? 1.0 : 0.0;
  int state = code & 7;
  vec4 shown = (is_absent > 0.5 && state <= 1) ? vec4(0.0) : state_colour(state, lane_point, part, unit);
  vec4 colour = vec4(mix(ground.rgb, shown.rgb, shown.a), ground.a + (1.0 - ground.a) * shown.a);
  float dots = is_absent * within(part, 0.4, 0.6) * step(mod(lane_point.x, 5.0 * unit), 2.0 * unit);
  colour = mix(colour, vec4(ink.rgb, 1.0), dots);
  float rails = is_locked * (1.0 - within(part, 0.2, 0.8));
  colour = mix(colour, vec4(ink.rgb, 1.0), rails);
  FragColor = colour;
}
"""


@cache
def lane() -> GPUShader:
    """Return the shader that draws a lane's rows. To be called while Blender draws.

    Its uniforms: region_matrix, size, ground and ink (RGBA), and the texture `codes` (frames or columns of pixels,
    rows), whose values are 255ths.
    """
    info = shaders.begun("keymatte_lane", "lane_point", "place")
    info.vertex_in(1, "VEC2", "place")
    info.push_constant("VEC4", "size")
    info.push_constant("VEC4", "ground")
    info.push_constant("VEC4", "ink")
    info.sampler(0, "FLOAT_2D", "codes")
    return shaders.made(info, _LANE)


def free() -> None:
    """Drop the compiled shader."""
    lane.cache_clear()
