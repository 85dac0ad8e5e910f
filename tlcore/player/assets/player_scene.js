// One panel of the player on its canvas: points, zoom, and which point lies under the pointer.
import { latestAt } from "./player_film.js";
import { createSurfacePainter } from "./player_surface.js";

const PADDING = 14;
// The axes of a projection have no unit, but a cloud stretched too far misleads: up to this ratio it may fill its card.
const MOST_STRETCH = 1.35;

const mix = (a, b, t) => a + (b - a) * t;

/** Small pictures of one dot each: stamping two thousand of them is several times faster than drawing paths. */
function createStamps() {
  let cache = new Map();
  return {
    clear() { cache = new Map(); },
    get(colour, shape, radius, ratio) {
      const name = `${colour}${shape}${radius}${ratio}`;
      let stamp = cache.get(name);
      if (stamp) return stamp;
      const half = Math.ceil((radius + 2) * ratio);
      const canvas = new OffscreenCanvas(half * 2, half * 2);
      const context = canvas.getContext("2d");
      context.translate(half, half);
      context.scale(ratio, ratio);
      context.fillStyle = context.strokeStyle = colour;
      context.beginPath();
      if (shape === "cross") {
        const arm = radius * 0.95;
        context.lineWidth = 1.5;
        context.moveTo(-arm, -arm); context.lineTo(arm, arm);
        context.moveTo(arm, -arm); context.lineTo(-arm, arm);
        context.stroke();
      } else if (shape === "ring") {
        context.lineWidth = 1.35;
        context.arc(0, 0, radius, 0, 7);
        context.stroke();
      } else {
        context.arc(0, 0, radius, 0, 7);
        context.fill();
      }
      stamp = { picture: canvas.transferToImageBitmap(), half };
      cache.set(name, stamp);
      return stamp;
    },
  };
}

export function createScene(canvas) {
  const context = canvas.getContext("2d");
  const stamps = createStamps();
  const drawSurfaces = createSurfacePainter(context);
  const scene = { zoom: 1, offset: [0, 0], shown: null, screen: new Float32Array(0), positions: null };
  let size = { width: 0, height: 0, ratio: 1 };
  let morph = null;
  let fit = null;

  scene.resize = () => {
    const ratio = Math.min(window.devicePixelRatio || 1, 3);
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (width === size.width && height === size.height && ratio === size.ratio) return false;
    size = { width, height, ratio };
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    stamps.clear();
    return true;
  };
  scene.recolour = () => stamps.clear();

  /** The points are laid out anew: let them glide from where they are seen to where they now belong. */
  scene.rearrange = (now, duration) => {
    morph = duration && scene.screen.length ? { from: scene.screen.slice(), start: now, duration } : null;
    scene.shown = null;
  };

  /** Let the shown extent follow the film's. While someone has zoomed in, nothing moves under their eyes. */
  scene.follow = (extent, elapsed, calm) => {
    if (!extent) return false;
    if (!scene.shown || calm) { scene.shown = [...extent]; return false; }
    if (scene.zoom !== 1) return false;
    const pull = 1 - Math.exp(-elapsed / 180);
    const span = Math.max(extent[1] - extent[0], extent[3] - extent[2], 1e-9);
    let moving = false;
    for (let i = 0; i < 4; i++) {
      const rest = extent[i] - scene.shown[i];
      if (Math.abs(rest) < span * 1e-3) scene.shown[i] = extent[i];
      else { scene.shown[i] += rest * pull; moving = true; }
    }
    return moving;
  };

  function computeFit() {
    const [x0, x1, y0, y1] = scene.shown;
    let scaleX = (size.width - 2 * PADDING) / Math.max(x1 - x0, 1e-9);
    let scaleY = (size.height - 2 * PADDING) / Math.max(y1 - y0, 1e-9);
    scaleX = Math.min(scaleX, scaleY * MOST_STRETCH);
    scaleY = Math.min(scaleY, scaleX * MOST_STRETCH);
    const [left, top] = scene.offset;
    fit = {
      ax: scaleX * scene.zoom, ay: -scaleY * scene.zoom,
      bx: (size.width / 2 - ((x0 + x1) / 2) * scaleX) * scene.zoom + left,
      by: (size.height / 2 + ((y0 + y1) / 2) * scaleY) * scene.zoom + top,
    };
  }

  scene.zoomAt = (x, y, factor) => {
    const zoom = Math.min(40, Math.max(1, scene.zoom * factor));
    const change = zoom / scene.zoom;
    scene.offset = zoom === 1 ? [0, 0] : [x - (x - scene.offset[0]) * change, y - (y - scene.offset[1]) * change];
    scene.zoom = zoom;
  };
  scene.panBy = (dx, dy) => { scene.offset = [scene.offset[0] + dx, scene.offset[1] + dy]; };
  scene.resetView = () => { scene.zoom = 1; scene.offset = [0, 0]; };

  /** Where each point is on the screen, between two frames. Returns whether a rearrangement is still under way. */
  function place(panel, moment, now) {
    const a = latestAt(panel.frames, moment.a);
    const b = latestAt(panel.frames, moment.b);
    const count = a.points.length;
    if (scene.screen.length !== count) { scene.screen = new Float32Array(count); morph = null; }
    let glide = 1;
    if (morph) {
      const passed = Math.min(1, (now - morph.start) / morph.duration);
      glide = passed * passed * (3 - 2 * passed);
      if (passed >= 1) morph = null;
    }
    const { ax, ay, bx, by } = fit;
    for (let i = 0; i < count; i += 2) {
      let x = a.points[i], y = a.points[i + 1];
      const x2 = b.points[i], y2 = b.points[i + 1];
      if (Number.isNaN(x)) { x = x2; y = y2; }
      else if (!Number.isNaN(x2)) { x += (x2 - x) * moment.fraction; y += (y2 - y) * moment.fraction; }
      else if (moment.fraction > 0.5) { x = y = NaN; }
      x = x * ax + bx;
      y = y * ay + by;
      if (glide < 1 && !Number.isNaN(morph?.from[i])) {
        x = mix(morph.from[i], x, glide);
        y = mix(morph.from[i + 1], y, glide);
      }
      scene.screen[i] = x;
      scene.screen[i + 1] = y;
    }
    return moment.fraction < 0.5 ? a : b;
  }

  function drawPoints(probe, frame, colourBy, palette, highlight) {
    const count = probe.count;
    const radius = (count > 1200 ? 2.1 : count > 500 ? 2.5 : 3.2) * Math.min(2, Math.sqrt(scene.zoom));
    const rounded = Math.round(radius * 4) / 4;
    const classes = palette.classes;
    const { ratio } = size;
    // Stamps are fetched once a drawing, not once a point: [domain][class], and one after the last for "unknown".
    const dotsOf = (colours, shape) => colours.map((colour) => stamps.get(colour, shape, rounded, ratio));
    const perClass = [...classes, palette.unknown];
    const unknown = classes.length;
    const byDomain = [dotsOf([palette.source], "disc"), dotsOf([palette.target], "disc")];
    const byClass = colourBy === "domain" ? null : [dotsOf(perClass, "disc"), dotsOf(perClass, "ring")];
    const right = [dotsOf([palette.correct], "disc"), dotsOf([palette.correct], "ring")];
    const late = [];
    const rightEdge = (size.width + 9) * ratio;
    const bottomEdge = (size.height + 9) * ratio;
    const stamp = (index, { picture, half }) => {
      const x = scene.screen[2 * index] * ratio, y = scene.screen[2 * index + 1] * ratio;
      // A comparison with NaN is false: points without a place are skipped here too.
      if (x > -9 && y > -9 && x < rightEdge && y < bottomEdge) context.drawImage(picture, (x | 0) - half, (y | 0) - half);
    };
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = colourBy === "domain" ? 0.66 : 0.8;
    for (const index of probe.order) {
      const domain = probe.domains[index];
      const label = probe.labels[index];
      const predicted = frame.predictions[index];
      if (colourBy === "domain") stamp(index, byDomain[domain][0]);
      else if (colourBy === "class") stamp(index, byClass[domain][label < 0 ? unknown : label % unknown]);
      else if (colourBy === "prediction" || predicted < 0) stamp(index, byClass[domain][predicted < 0 ? unknown : predicted % unknown]);
      else if (predicted === label) stamp(index, right[domain][0]);
      else late.push(index);
    }
    // Mistakes lie on top: they are what one looks for.
    context.globalAlpha = 0.95;
    if (late.length) {
      const cross = stamps.get(palette.wrong, "cross", rounded, ratio);
      for (const index of late) stamp(index, cross);
    }
    context.restore();
    if (highlight !== null && highlight < count && !Number.isNaN(scene.screen[2 * highlight])) {
      context.strokeStyle = palette.ink;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(scene.screen[2 * highlight], scene.screen[2 * highlight + 1], radius + 4, 0, 7);
      context.stroke();
    }
  }

  /** Draw the panel at a moment; returns true while something still moves by itself. */
  scene.draw = (panel, probe, moment, colourBy, palette, highlight, now) => {
    context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    if (!panel.frames.length || !probe || !scene.shown || !size.width) return false;
    computeFit();
    const frame = place(panel, moment, now);
    scene.frame = frame;
    if (panel.surfaceCount) drawSurfaces(panel, moment, palette, fit);
    drawPoints(probe, frame, colourBy, palette, highlight);
    return morph !== null;
  };

  scene.pointAt = (x, y, reach) => {
    let best = null;
    let nearest = reach * reach;
    for (let i = 0; i < scene.screen.length; i += 2) {
      const distance = (scene.screen[i] - x) ** 2 + (scene.screen[i + 1] - y) ** 2;
      if (distance < nearest) { nearest = distance; best = i / 2; }
    }
    return best;
  };
  return scene;
}
