// What the player knows: the probe points and, for each panel, its frames. No drawing here.

const MISSING = -32768;
const UNKNOWN = 255;

function bytesOf(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

// A typed array reads in the machine's own order; every machine with a current browser has the least significant first.
const shortsOf = (text) => new Int16Array(bytesOf(text).buffer);

/** A frame whose points are read when they are first looked at: a long film is opened at once. */
function decodeFrame(data, count) {
  const dimensions = data.dimensions ?? 2;
  const frame = { step: data.step, box: data.box, dimensions, missing: data.missing, problem: null };
  let read = null;
  const open = () => {
    if (read) return read;
    try {
      read = { points: pointsOf(data, dimensions), predictions: predictionsOf(data) };
      if (read.points.length !== count * dimensions || read.predictions.length !== count) throw new Error("another number of points");
    } catch (error) {
      frame.problem = `The frame at step ${data.step} cannot be read: ${error.message}.`;
      read = { points: new Float32Array(count * dimensions).fill(NaN), predictions: new Int16Array(count).fill(-1) };
    }
    return read;
  };
  Object.defineProperties(frame, { points: { get: () => open().points }, predictions: { get: () => open().predictions } });
  return frame;
}

function pointsOf(data, dimensions) {
  const packed = shortsOf(data.points);
  const points = new Float32Array(packed.length);
  const box = data.box ?? Array(dimensions).fill([0, 1]).flat();
  for (let axis = 0; axis < dimensions; axis++) {
    const low = box[2 * axis], scale = (box[2 * axis + 1] - low) / 65534;
    for (let i = axis; i < packed.length; i += dimensions) points[i] = packed[i] === MISSING ? NaN : low + (packed[i] + 32767) * scale;
  }
  return points;
}

function predictionsOf(data) {
  if (data.wide) return shortsOf(data.predictions);
  return Int16Array.from(bytesOf(data.predictions), (value) => (value === UNKNOWN ? -1 : value));
}

function decodeSurface(data) {
  const levels = bytesOf(data.values);
  const values = Float32Array.from(levels, (level) => level / 255);
  return { step: data.step, extent: data.extent, height: data.height, width: data.width, values };
}

function decodeProbe(data) {
  const probe = {
    id: data.id, count: data.count, labels: shortsOf(data.labels), domains: bytesOf(data.domains),
    classNames: data.class_names, task: data.task ?? "", sprite: null, order: mixedOrder(data.count),
    others: (data.others ?? []).map((one) => ({ task: one.task, labels: shortsOf(one.labels), classNames: one.class_names })),
    // Points that stand for the description of a class: drawn as stars, in the colour and by the name of that class.
    described: data.described ? bytesOf(data.described) : null, pictured: data.pictured ?? null,
  };
  probe.present = new Set(probe.domains); // many films are of the target alone
  if (data.sprite) {
    const picture = new Image();
    picture.src = data.sprite.address;
    probe.sprite = { ...data.sprite, picture };
  }
  return probe;
}

/** A fixed shuffled order of drawing: otherwise all of one domain would lie over the other. */
function mixedOrder(count) {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  let state = 12345;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const j = Math.floor((state / 4294967296) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function widen(extent, box) {
  if (!box) return extent;
  if (!extent) return [...box];
  return extent.map((edge, index) => (index % 2 ? Math.max(edge, box[index]) : Math.min(edge, box[index])));
}

function newPanel() {
  return {
    id: null, run: null, projection: null, title: "", value: "", series: null, quality: null, nearest: null, neighbours: null, problem: null,
    frames: [], surfaces: {}, surfaceCount: 0, extent: null,
  };
}

/**
 * Steps of panels that differ only a little become one moment of the timeline, the latest of them, at which each panel
 * shows its latest frame. Otherwise the panels would move in turns.
 */
function mergedTimeline(panels) {
  const steps = [...new Set(panels.flatMap((panel) => panel.frames.map((frame) => frame.step)))].sort((a, b) => a - b);
  if (panels.length < 2) return steps;
  const densest = panels.reduce((best, panel) => (panel.frames.length > best.frames.length ? panel : best), panels[0]);
  const gaps = densest.frames.slice(1).map((frame, index) => frame.step - densest.frames[index].step).sort((a, b) => a - b);
  const tolerance = gaps.length ? gaps[gaps.length >> 1] / 4 : 0;
  const merged = [];
  let opened = -Infinity;
  for (const step of steps) {
    if (merged.length && step - opened <= tolerance) merged[merged.length - 1] = step;
    else { merged.push(step); opened = step; }
  }
  return merged;
}

export function createFilm() {
  const film = { probe: null, panels: [], timeline: [] };

  function applyPanel(panel, data, projection) {
    const replaced = panel.id !== data.id || data.total < panel.frames.length || data.total_surfaces < panel.surfaceCount;
    const complete = data.first === 0 && data.first_surface === 0;
    for (const name of ["title", "value", "series", "quality", "nearest", "neighbours", "problem"]) panel[name] = data[name] ?? null;
    if (replaced) {
      // The old frames stay in view until the new ones have come.
      if (!complete) return { gap: true, replaced: false };
      const keepPicture = data.total === 0 && panel.run === data.run && panel.projection === projection;
      if (keepPicture) return { gap: false, replaced: false };
      const { title, value, series, quality, nearest, neighbours, problem } = panel;
      Object.assign(panel, newPanel(), { id: data.id, run: data.run, projection, title, value, series, quality, nearest, neighbours, problem });
    }
    if (data.first > panel.frames.length || data.first_surface > panel.surfaceCount) return { gap: true, replaced };
    for (const frame of data.frames.slice(panel.frames.length - data.first)) {
      const decoded = decodeFrame(frame, film.probe.count);
      panel.frames.push(decoded);
      panel.extent = widen(panel.extent, decoded.box);
    }
    for (const surface of data.surfaces.slice(panel.surfaceCount - data.first_surface)) {
      (panel.surfaces[surface.name] ??= []).push(decodeSurface(surface));
      panel.surfaceCount += 1;
      panel.extent = widen(panel.extent, surface.extent);
    }
    const gap = panel.frames.length < data.total || panel.surfaceCount < data.total_surfaces;
    return { gap, replaced };
  }

  /** Take a message in. gap: frames are missing that the sender believes to be here. */
  film.apply = (message) => {
    const outcome = { gap: false, replaced: [], newProbe: false, newRuns: false };
    if (message.probe.labels !== undefined) {
      if (film.probe?.id !== message.probe.id) {
        film.probe = decodeProbe(message.probe);
        film.panels = [];
        outcome.newProbe = true;
      }
    } else if (film.probe?.id !== message.probe.id) {
      outcome.gap = true;
      return outcome;
    }
    const runsBefore = film.panels.map((panel) => panel.run).join("\n");
    message.panels.forEach((data, index) => {
      film.panels[index] ??= newPanel();
      const { gap, replaced } = applyPanel(film.panels[index], data, message.view.projection);
      outcome.gap ||= gap;
      if (replaced) outcome.replaced.push(index);
    });
    film.panels.length = message.panels.length;
    outcome.newRuns = runsBefore !== film.panels.map((panel) => panel.run).join("\n");
    film.timeline = mergedTimeline(film.panels);
    return outcome;
  };
  return film;
}

/** The nearest neighbours of a point in the full feature space, the nearest first, and the step they are of; or null. */
export function neighboursOf(panel, point, step) {
  if (panel.nearest?.point === point) {
    const { steps, rows } = panel.nearest;
    const found = latestAt(steps.map((at, index) => ({ step: at, row: rows[index] })), step);
    if (found) return { step: found.step, points: found.row };
  }
  const table = latestAt(panel.neighbours, step);
  if (!table) return null;
  table.indices ??= shortsOf(table.text);
  const row = table.indices.subarray(point * table.k, (point + 1) * table.k);
  return { step: table.step, points: Array.from(row, (index) => index & 0xffff) };
}

/** What a curve had reached at a step, or null. */
export function valueAt({ steps, values }, step) {
  let found = null;
  for (let i = 0; i < steps.length && (i === 0 || steps[i] <= step); i++) if (values[i] !== null) found = values[i];
  return found;
}

/** The latest of a sorted list at or before a step; the first where none is. */
export function latestAt(list, step) {
  if (!list?.length) return null;
  let low = 0;
  let high = list.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (list[middle].step <= step) low = middle;
    else high = middle - 1;
  }
  return list[low];
}
