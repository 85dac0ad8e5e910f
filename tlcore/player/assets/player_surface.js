// Functions over the plane, drawn beneath the points: the class as a soft field of two colours, the domain as a line.
import { latestAt } from "./player_film.js";
import { parseColour } from "./player_raster.js";

const mix = (a, b, t) => a + (b - a) * t;


/** The lines along which a function over a grid passes a level, as chains of grid positions. */
export function contour({ values, width, height }, level = 0.5) {
  const cut = (a, b) => (level - a) / (b - a);
  const neighbours = new Map();
  const places = new Map();
  const join = (a, b) => {
    for (const [from, to] of [[a, b], [b, a]]) {
      if (!neighbours.has(from)) neighbours.set(from, []);
      neighbours.get(from).push(to);
    }
  };
  // Each edge of the grid has a number: twice its node's, plus one for the edges that go up.
  for (let row = 0; row < height - 1; row++) {
    for (let column = 0; column < width - 1; column++) {
      const at = row * width + column;
      const a = values[at], b = values[at + 1], c = values[at + width + 1], d = values[at + width];
      const hits = [];
      const hit = (edge, x, y) => { places.set(edge, [x, y]); hits.push(edge); };
      if ((a < level) !== (b < level)) hit(2 * at, column + cut(a, b), row);
      if ((b < level) !== (c < level)) hit(2 * (at + 1) + 1, column + 1, row + cut(b, c));
      if ((d < level) !== (c < level)) hit(2 * (at + width), column + cut(d, c), row + 1);
      if ((a < level) !== (d < level)) hit(2 * at + 1, column, row + cut(a, d));
      for (let i = 0; i + 1 < hits.length; i += 2) join(hits[i], hits[i + 1]);
    }
  }
  const chains = [];
  const walk = (start) => {
    const chain = [places.get(start)];
    let edge = start;
    for (;;) {
      const next = neighbours.get(edge).pop();
      if (next === undefined) break;
      const back = neighbours.get(next);
      back.splice(back.indexOf(edge), 1);
      chain.push(places.get(next));
      edge = next;
    }
    if (chain.length > 1) chains.push(chain);
  };
  // Open lines first, from their ends; what is left are rings.
  for (const [edge, list] of neighbours) if (list.length === 1) walk(edge);
  for (const [edge, list] of neighbours) if (list.length) walk(edge);
  return chains;
}

function blended(list, stepA, stepB, fraction) {
  const a = latestAt(list, stepA);
  const b = latestAt(list, stepB);
  if (!a || a === b || a.values.length !== b.values.length) return a;
  return { ...a, values: a.values.map((value, index) => mix(value, b.values[index], fraction)) };
}

export function createSurfacePainter(context) {
  const field = document.createElement("canvas");

  return (panel, moment, palette, fit) => {
    const classes = blended(panel.surfaces.class, moment.a, moment.b, moment.fraction);
    const domains = blended(panel.surfaces.domain, moment.a, moment.b, moment.fraction);
    const place = ({ extent, width, height }) => ([column, row]) => [
      fit.bx + fit.ax * mix(extent[0], extent[1], column / (width - 1)),
      fit.by + fit.ay * mix(extent[2], extent[3], row / (height - 1)),
    ];
    const trace = (surface) => {
      const at = place(surface);
      context.beginPath();
      for (const chain of contour(surface)) {
        chain.forEach((point, index) => (index ? context.lineTo(...at(point)) : context.moveTo(...at(point))));
      }
      context.stroke();
    };
    if (classes) {
      const [low, high] = [parseColour(palette.classes[0]), parseColour(palette.classes[1])];
      if (field.width !== classes.width || field.height !== classes.height) {
        field.width = classes.width;
        field.height = classes.height;
      }
      const painter = field.getContext("2d");
      const image = painter.createImageData(classes.width, classes.height);
      classes.values.forEach((value, index) => {
        const row = classes.height - 1 - Math.floor(index / classes.width);
        const at = 4 * (row * classes.width + (index % classes.width));
        const colour = value < 0.5 ? low : high;
        image.data[at] = colour[0];
        image.data[at + 1] = colour[1];
        image.data[at + 2] = colour[2];
        image.data[at + 3] = 255 * 0.3 * Math.min(1, Math.abs(value - 0.5) * 2.2);
      });
      painter.putImageData(image, 0, 0);
      const at = place(classes);
      // Samples sit on the grid's nodes, pixels are areas: half a cell more on each side.
      const [left, bottom] = at([-0.5, -0.5]);
      const [right, top] = at([classes.width - 0.5, classes.height - 0.5]);
      context.globalAlpha = 1;
      context.imageSmoothingEnabled = true;
      context.imageSmoothingQuality = "high";
      context.save();
      context.beginPath();
      context.roundRect(left, top, right - left, bottom - top, 8);
      context.clip();
      context.drawImage(field, left, top, right - left, bottom - top);
      context.restore();
      context.strokeStyle = palette.ink;
      context.lineWidth = 1.6;
      context.globalAlpha = 0.75;
      trace(classes);
    }
    if (domains) {
      context.strokeStyle = palette.domain;
      context.lineWidth = 2;
      context.globalAlpha = 0.95;
      context.setLineDash([6, 5]);
      trace(domains);
      context.setLineDash([]);
    }
    context.globalAlpha = 1;
  };
}
