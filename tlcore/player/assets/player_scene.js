// One panel of the player on its canvas: where each point stands, how it looks, and which lies under the pointer.
import { latestAt } from "./player_film.js";
import { createOverlay } from "./player_overlay.js";
import { createRaster } from "./player_raster.js";
import { stylesOf } from "./player_styles.js";
import { createSurfacePainter } from "./player_surface.js";

const PADDING = 14;
// The axes of a projection have no unit, but a cloud stretched too far misleads: up to this ratio it may fill its card.
const MOST_STRETCH = 1.35;
const NO_STYLE = 255;
const DEPTHS = 3; // in space, dots are larger in front

const mix = (a, b, t) => a + (b - a) * t;

export function createScene(canvas) {
  // Pixels are painted by hand: the canvas is kept where they can be reached.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const raster = createRaster(context);
  const overlay = createOverlay(context);
  const drawSurfaces = createSurfacePainter(context);
  const scene = {
    zoom: 1, offset: [0, 0], turn: [0.6, 0.35], shown: null, screen: new Float32Array(0), depth: null, frame: null, styles: new Uint8Array(0),
    dimensions: 2,
  };
  let size = { width: 0, height: 0, ratio: 1 };
  let places = new Float32Array(0); // as `screen`, in pixels of the device
  let morph = null;
  let fit = null;
  let styled = { key: null, list: [] };
  let sorted = new Uint32Array(0);

  scene.resize = () => {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (width === size.width && height === size.height && ratio === size.ratio) return false;
    size = { width, height, ratio };
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    raster.resize(canvas.width, canvas.height);
    styled.key = null;
    return true;
  };
  scene.recolour = () => { styled.key = null; };

  /** The points are laid out anew: let them glide from where they are seen to where they now belong. */
  scene.rearrange = (now, duration) => {
    morph = duration && scene.screen.length ? { from: scene.screen.slice(), start: now, duration } : null;
    scene.shown = null;
  };

  /** Let the shown extent follow the film's. While someone has zoomed in, nothing moves under their eyes. */
  scene.follow = (extent, elapsed, calm) => {
    if (!extent) return false;
    if (!scene.shown || calm || scene.shown.length !== extent.length) { scene.shown = [...extent]; return false; }
    if (scene.zoom !== 1) return false;
    const pull = 1 - Math.exp(-elapsed / 180);
    const span = Math.max(...extent.map((edge, index) => (index % 2 ? edge - extent[index - 1] : 0)), 1e-9);
    let moving = false;
    extent.forEach((edge, index) => {
      const rest = edge - scene.shown[index];
      if (Math.abs(rest) < span * 1e-3) scene.shown[index] = edge;
      else { scene.shown[index] += rest * pull; moving = true; }
    });
    return moving;
  };

  function fitPlane([x0, x1, y0, y1]) {
    let scaleX = (size.width - 2 * PADDING) / Math.max(x1 - x0, 1e-9);
    let scaleY = (size.height - 2 * PADDING) / Math.max(y1 - y0, 1e-9);
    scaleX = Math.min(scaleX, scaleY * MOST_STRETCH);
    scaleY = Math.min(scaleY, scaleX * MOST_STRETCH);
    const [left, top] = scene.offset;
    return {
      ax: scaleX * scene.zoom, ay: -scaleY * scene.zoom,
      bx: (size.width / 2 - ((x0 + x1) / 2) * scaleX) * scene.zoom + left,
      by: (size.height / 2 + ((y0 + y1) / 2) * scaleY) * scene.zoom + top,
    };
  }

  /** A turned ball around the whole film, seen from far away. */
  function fitSpace([x0, x1, y0, y1, z0, z1]) {
    const radius = Math.max(Math.hypot(x1 - x0, y1 - y0, z1 - z0) / 2, 1e-9);
    const scale = ((Math.min(size.width, size.height * MOST_STRETCH) / 2 - PADDING) / radius) * 1.25 * scene.zoom;
    const [yaw, pitch] = scene.turn;
    const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    return {
      middle: [(x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2], radius, scale,
      left: (size.width / 2) * scene.zoom + scene.offset[0], top: (size.height / 2) * scene.zoom + scene.offset[1],
      x: [cy, 0, sy], y: [sp * sy, cp, -sp * cy], z: [-cp * sy, sp, cp * cy],
    };
  }

  /** From coordinates of the film to the screen: calls `put(x, y, depth)`, depth from 0 (far) to 1 (near). */
  scene.project = (x, y, z) => {
    if (scene.dimensions === 2) return [x * fit.ax + fit.bx, y * fit.ay + fit.by, 0.5];
    const { middle, radius, scale, left, top } = fit;
    const [u, v, w] = [x - middle[0], y - middle[1], z - middle[2]];
    const across = fit.x[0] * u + fit.x[1] * v + fit.x[2] * w;
    const up = fit.y[0] * u + fit.y[1] * v + fit.y[2] * w;
    const near = fit.z[0] * u + fit.z[1] * v + fit.z[2] * w;
    return [left + across * scale, top - up * scale, near / (2 * radius) + 0.5];
  };

  scene.zoomAt = (x, y, factor) => {
    const zoom = Math.min(40, Math.max(1, scene.zoom * factor));
    const change = zoom / scene.zoom;
    scene.offset = zoom === 1 ? [0, 0] : [x - (x - scene.offset[0]) * change, y - (y - scene.offset[1]) * change];
    scene.zoom = zoom;
  };
  scene.panBy = (dx, dy) => { scene.offset = [scene.offset[0] + dx, scene.offset[1] + dy]; };
  scene.turnBy = (dx, dy) => {
    scene.turn = [scene.turn[0] + dx * 0.008, Math.min(1.5, Math.max(-1.5, scene.turn[1] + dy * 0.008))];
  };
  scene.resetView = () => { scene.zoom = 1; scene.offset = [0, 0]; scene.turn = [0.6, 0.35]; };

  /** Where each point is on the screen, between two frames; what glides goes on gliding. */
  function place(a, b, fraction, now) {
    const stride = scene.dimensions;
    const count = a.points.length / stride;
    if (scene.screen.length !== 2 * count) {
      scene.screen = new Float32Array(2 * count);
      places = new Float32Array(2 * count);
      morph = null;
    }
    if (stride === 3 && scene.depth?.length !== count) scene.depth = new Float32Array(count);
    let glide = 1;
    if (morph) {
      const passed = Math.min(1, (now - morph.start) / morph.duration);
      glide = passed * passed * (3 - 2 * passed);
      if (passed >= 1) morph = null;
    }
    const from = a.points, to = b.points, { ratio } = size;
    const { ax, ay, bx, by } = fit;
    for (let i = 0, at = 0; i < count; i++, at += stride) {
      let x = from[at], y = from[at + 1], z = stride === 3 ? from[at + 2] : 0;
      if (Number.isNaN(x) || (Number.isNaN(to[at]) ? fraction > 0.5 : false)) {
        x = to[at]; y = to[at + 1]; z = stride === 3 ? to[at + 2] : 0;
      } else if (!Number.isNaN(to[at])) {
        x += (to[at] - x) * fraction;
        y += (to[at + 1] - y) * fraction;
        if (stride === 3) z += (to[at + 2] - z) * fraction;
      }
      if (stride === 2) { x = x * ax + bx; y = y * ay + by; }
      else [x, y, scene.depth[i]] = scene.project(x, y, z);
      if (glide < 1 && !Number.isNaN(morph?.from[2 * i])) {
        x = mix(morph.from[2 * i], x, glide);
        y = mix(morph.from[2 * i + 1], y, glide);
      }
      scene.screen[2 * i] = x;
      scene.screen[2 * i + 1] = y;
      places[2 * i] = x * ratio;
      places[2 * i + 1] = y * ratio;
    }
  }

  /** In space: far points first, and larger dots in front. */
  function sortByDepth(order) {
    const count = order.length, levels = 64;
    if (sorted.length !== count) sorted = new Uint32Array(count);
    const starts = new Uint32Array(levels + 1);
    const level = (index) => Math.min(levels - 1, Math.max(0, (scene.depth[index] * levels) | 0));
    for (const index of order) starts[level(index) + 1] += 1;
    for (let i = 0; i < levels; i++) starts[i + 1] += starts[i];
    for (const index of order) sorted[starts[level(index)]++] = index;
    return sorted;
  }

  function drawPoints(film, panel, view) {
    const { probe } = film;
    const { ratio } = size;
    const base = probe.count > 20000 ? 1.5 : probe.count > 4000 ? 1.8 : probe.count > 1200 ? 2.1 : probe.count > 500 ? 2.5 : 3.2;
    const radius = Math.round(base * (view.lecture ? 1.7 : 1) * Math.min(2, Math.sqrt(scene.zoom)) * ratio * 4) / 4;
    const pair = view.pairOf(panel, scene.frame);
    const key = `${radius} ${view.styleKey} ${pair.before.step} ${pair.after.step} ${scene.frame.step} ${panel.id} ${panel.frames.length} ${scene.dimensions}`;
    if (styled.key !== key) {
      const wanted = stylesOf(film, panel, scene.frame, view);
      scene.styles = wanted.styles;
      const scales = scene.dimensions === 3 ? [0.72, 1, 1.3] : [1];
      // For each depth all brushes in turn; every brush stands after those it may cover.
      styled = {
        key, count: wanted.brushes.length,
        list: scales.flatMap((scale) => wanted.brushes.map(({ kind, colour, alpha, pass, grow = 1 }) => raster.brush(
          kind, colour, radius * grow * scale, (kind === "cross" ? 1.5 : 1.35) * ratio, alpha, pass))),
        passes: [...new Set(wanted.brushes.map((brush) => brush.pass))].sort(),
      };
    }
    let order = probe.order, styles = scene.styles;
    if (scene.dimensions === 3) {
      order = sortByDepth(order);
      styles = styles.map((style, index) => (style === NO_STYLE ? style
        : style + styled.count * Math.min(DEPTHS - 1, Math.max(0, (scene.depth[index] * DEPTHS) | 0))));
    }
    for (const pass of styled.passes) raster.paint(order, places, styles, styled.list, pass);
  }

  /** Draw the panel at a moment; returns true while something still moves by itself. */
  scene.draw = (film, panel, view) => {
    const { moment, palette, now } = view;
    context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
    if (!panel.frames.length || !film.probe || !scene.shown || !size.width) {
      context.clearRect(0, 0, size.width, size.height);
      return false;
    }
    const a = latestAt(panel.frames, moment.a), b = latestAt(panel.frames, moment.b);
    scene.dimensions = a.dimensions;
    fit = a.dimensions === 3 ? fitSpace(scene.shown) : fitPlane(scene.shown);
    place(a, b, moment.fraction, now);
    scene.frame = moment.fraction < 0.5 ? a : b;
    scene.problem = scene.frame.problem;
    const behind = panel.surfaceCount > 0 || view.contours;
    if (behind) {
      context.fillStyle = palette.card;
      context.fillRect(0, 0, size.width, size.height);
      if (panel.surfaceCount) drawSurfaces(panel, moment, palette, fit);
    }
    // The styles say which points are shown: contours need them too.
    if (view.contours && scene.styles.length === film.probe.count) overlay.contours(film, scene, view, size);
    raster.begin(behind ? null : palette.card);
    drawPoints(film, panel, view);
    raster.end();
    overlay.draw(film, panel, scene, view, size);
    return morph !== null;
  };

  scene.pointAt = (x, y, reach) => {
    let best = null, nearest = reach * reach;
    for (let i = 0; i < scene.screen.length; i += 2) {
      const distance = (scene.screen[i] - x) ** 2 + (scene.screen[i + 1] - y) ** 2;
      if (distance < nearest && scene.styles[i / 2] !== NO_STYLE) { nearest = distance; best = i / 2; }
    }
    return best;
  };

  /** The shown points within a closed line of [x, y] on the screen. */
  scene.pointsWithin = (line) => {
    const path = new Path2D();
    line.forEach(([x, y], index) => (index ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
    context.setTransform(1, 0, 0, 1, 0, 0);
    const found = [];
    for (let i = 0; i < scene.screen.length; i += 2) {
      const inside = scene.styles[i / 2] !== NO_STYLE && context.isPointInPath(path, scene.screen[i], scene.screen[i + 1]);
      if (inside) found.push(i / 2);
    }
    return found;
  };
  return scene;
}
