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

function decodeFrame(data) {
  const packed = shortsOf(data.points);
  const points = new Float32Array(packed.length);
  const [x0, x1, y0, y1] = data.box ?? [0, 1, 0, 1];
  for (let i = 0; i < packed.length; i += 2) {
    const missing = packed[i] === MISSING || packed[i + 1] === MISSING;
    points[i] = missing ? NaN : x0 + ((packed[i] + 32767) / 65534) * (x1 - x0);
    points[i + 1] = missing ? NaN : y0 + ((packed[i + 1] + 32767) / 65534) * (y1 - y0);
  }
  let predictions;
  if (data.wide) predictions = shortsOf(data.predictions);
  else predictions = Int16Array.from(bytesOf(data.predictions), (value) => (value === UNKNOWN ? -1 : value));
  return { step: data.step, box: data.box, points, predictions, missing: data.missing };
}

function decodeSurface(data) {
  const levels = bytesOf(data.values);
  const values = Float32Array.from(levels, (level) => level / 255);
  return { step: data.step, extent: data.extent, height: data.height, width: data.width, values };
}

function decodeProbe(data) {
  const probe = {
    id: data.id, count: data.count, labels: shortsOf(data.labels), domains: bytesOf(data.domains),
    classNames: data.class_names, sprite: null, order: mixedOrder(data.count),
  };
  if (data.sprite) {
    const picture = new Image();
    picture.src = data.sprite.address;
    probe.sprite = { ...data.sprite, picture };
  }
  return probe;
}

/** A fixed shuffled order of drawing: otherwise all of one domain would lie over the other. */
function mixedOrder(count) {
  const order = Uint16Array.from({ length: count }, (_, index) => index);
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
  return [Math.min(extent[0], box[0]), Math.max(extent[1], box[1]), Math.min(extent[2], box[2]), Math.max(extent[3], box[3])];
}

function newPanel() {
  return { id: null, run: null, projection: null, title: "", value: "", frames: [], surfaces: {}, surfaceCount: 0, extent: null };
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
    panel.title = data.title;
    panel.value = data.value;
    if (replaced) {
      // The old frames stay in view until the new ones have come.
      if (!complete) return { gap: true, replaced: false };
      const keepPicture = data.total === 0 && panel.run === data.run && panel.projection === projection;
      if (keepPicture) return { gap: false, replaced: false };
      Object.assign(panel, newPanel(), { id: data.id, run: data.run, projection, title: data.title, value: data.value });
    }
    if (data.first > panel.frames.length || data.first_surface > panel.surfaceCount) return { gap: true, replaced };
    for (const frame of data.frames.slice(panel.frames.length - data.first)) {
      const decoded = decodeFrame(frame);
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
