// Dots painted by hand into the pixels of a canvas. Without a graphics card this is several times faster than asking
// the canvas to draw each dot, so that ten thousand of them move at the pace of the screen.

const MARGIN = 24; // pixels around the picture, so that a dot at its edge needs no clipping
const PLACES = 4; // a dot stands on quarters of a pixel: on whole ones a slow motion trembles

function coverage(kind, radius, line, x, y) {
  const clamp = (value) => Math.min(1, Math.max(0, value));
  const distance = Math.hypot(x, y);
  if (kind === "disc") return clamp(radius + 0.5 - distance);
  if (kind === "ring") return clamp(line / 2 + 0.5 - Math.abs(distance - radius));
  const arm = radius * 0.95;
  const along = (u, v) => Math.hypot(u - Math.min(arm, Math.max(-arm, u)), v);
  const u = (x + y) * Math.SQRT1_2, v = (x - y) * Math.SQRT1_2;
  return clamp(line / 2 + 0.5 - Math.min(along(u, v), along(v, u)));
}

export const parseColour = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

export function createRaster(context) {
  let size = { width: 0, height: 0, stride: 0 };
  let image = null;
  let pixels = new Uint32Array(0);
  let brushes = new Map();

  function resize(width, height) {
    if (size.width === width && size.height === height) return;
    size = { width, height, stride: width + 2 * MARGIN };
    image = new ImageData(size.stride, height + 2 * MARGIN);
    pixels = new Uint32Array(image.data.buffer);
    brushes = new Map();
  }

  /** kind: disc, ring or cross; radius and line in pixels of the device; alpha from 0 to 1. */
  function brush(kind, colour, radius, line, alpha, pass = 1) {
    const name = `${kind} ${colour} ${radius} ${line} ${alpha} ${pass}`;
    let found = brushes.get(name);
    if (found) return found;
    const reach = Math.ceil(radius + line) + 1;
    const [red, green, blue] = parseColour(colour);
    found = { pass, redBlue: red | (blue << 16), green: green << 8, offsets: [], weights: [] };
    for (let place = 0; place < PLACES * PLACES; place++) {
      const left = ((place % PLACES) + 0.5) / PLACES, top = (Math.floor(place / PLACES) + 0.5) / PLACES;
      const offsets = [], weights = [];
      for (let y = -reach; y <= reach; y++) {
        for (let x = -reach; x <= reach; x++) {
          const weight = Math.round(256 * alpha * coverage(kind, radius, line, x + 0.5 - left, y + 0.5 - top));
          if (weight > 0) { offsets.push(y * size.stride + x); weights.push(weight); }
        }
      }
      found.offsets.push(Int32Array.from(offsets));
      found.weights.push(Uint16Array.from(weights));
    }
    brushes.set(name, found);
    return found;
  }

  /** Begin a picture on one colour, or (null) on what the canvas already shows. */
  function begin(colour) {
    if (colour === null) {
      const behind = context.getImageData(0, 0, size.width, size.height);
      const rows = new Uint32Array(behind.data.buffer);
      for (let y = 0; y < size.height; y++) {
        pixels.set(rows.subarray(y * size.width, (y + 1) * size.width), (y + MARGIN) * size.stride + MARGIN);
      }
      return;
    }
    const [red, green, blue] = parseColour(colour);
    pixels.fill((0xff000000 | (blue << 16) | (green << 8) | red) >>> 0);
  }

  /**
   * Paint points in an order. places: x and y of each in pixels of the device, NaN where it has none.
   * styles: for each point its place in `list`, a list of brushes, or 255 for none. Returns how many were painted.
   */
  function paint(order, places, styles, list, pass) {
    const { width, height, stride } = size;
    const right = width + MARGIN / 2, bottom = height + MARGIN / 2, edge = -MARGIN / 2;
    let painted = 0;
    for (let at = 0; at < order.length; at++) {
      const index = order[at];
      const style = styles[index];
      if (style === 255) continue;
      const { pass: own, redBlue, green, offsets, weights } = list[style];
      if (own !== pass) continue;
      const x = places[2 * index], y = places[2 * index + 1];
      // A comparison with NaN is false: points without a place are skipped here too.
      if (!(x > edge && y > edge && x < right && y < bottom)) continue;
      const column = Math.floor(x), row = Math.floor(y);
      const place = Math.floor((x - column) * PLACES) + PLACES * Math.floor((y - row) * PLACES);
      const start = (row + MARGIN) * stride + column + MARGIN;
      const steps = offsets[place], shares = weights[place];
      for (let i = 0; i < steps.length; i++) {
        const pixel = start + steps[i], share = shares[i], rest = 256 - share;
        const below = pixels[pixel];
        const mixed = (Math.imul(redBlue, share) + Math.imul(below & 0xff00ff, rest)) >>> 8;
        const middle = (Math.imul(green, share) + Math.imul(below & 0xff00, rest)) >>> 8;
        pixels[pixel] = 0xff000000 | (mixed & 0xff00ff) | (middle & 0xff00);
      }
      painted += 1;
    }
    return painted;
  }

  const end = () => context.putImageData(image, -MARGIN, -MARGIN, MARGIN, MARGIN, size.width, size.height);

  return { resize, brush, begin, paint, end };
}
