// How each point looks: from the colouring, what the legend hides, and what is selected, to a brush for every point.

export const COLOURINGS = ["domain", "class", "task1", "task2", "task3", "correctness", "prediction", "change", "run"];
const TASK = /^task([1-9])$/;
const NO_STYLE = 255;
const FAINT = 0.16;

/** What became of a point's class between two frames: "same", "gained", "lost" or "moved" (wrong before and after). */
export function changeOf(label, before, after) {
  if (before === after || before < 0 || after < 0) return "same";
  return after === label ? "gained" : before === label ? "lost" : "moved";
}

/** The other task whose labels a colouring shows: {task, labels, classNames}, or null where it shows another thing. */
export function otherTask(probe, colourBy) {
  const place = TASK.exec(colourBy);
  return place ? probe?.others[place[1] - 1] ?? null : null;
}

/** The labels that are coloured: of the other task that is shown, or the probe's own. */
export function shownLabels(probe, colourBy) {
  return otherTask(probe, colourBy) ?? probe;
}

/** Whether there is anything to colour in this way. */
export function canColour(probe, colourBy) {
  return COLOURINGS.includes(colourBy) && (!TASK.test(colourBy) || otherTask(probe, colourBy) !== null);
}

/** Under which word of the present legend a point stands. */
export function categoryOf(film, view, frame, pair, index) {
  const { labels, domains } = film.probe;
  const predicted = frame.predictions[index];
  switch (view.colourBy) {
    case "class": return labels[index];
    case "prediction": return predicted;
    case "correctness": return predicted < 0 ? "unknown" : predicted === labels[index] ? "correct" : "wrong";
    case "change": return changeOf(labels[index], pair.before.predictions[index], pair.after.predictions[index]);
    case "domain": case "run": return domains[index];
    default: return shownLabels(film.probe, view.colourBy).labels[index];
  }
}

export function isHidden(film, view, frame, pair, index) {
  const { domains, labels } = film.probe;
  const { hidden } = view;
  if (hidden.domain.has(domains[index]) || hidden.class.has(labels[index])) return true;
  return hidden[view.colourBy]?.has(categoryOf(film, view, frame, pair, index)) ?? false;
}

/** styles: for each point its place among the brushes, 255 for none. A brush of a later pass lies on top. */
export function stylesOf(film, panel, frame, view) {
  const { probe } = film;
  const { palette, selected } = view;
  const pair = view.pairOf(panel, frame);
  const brushes = [];
  const places = new Map();
  const brush = (kind, colour, alpha, pass, grow = 1) => {
    const name = `${kind}${colour}${alpha}${pass}${grow}`;
    if (!places.has(name)) { places.set(name, brushes.length); brushes.push({ kind, colour, alpha, pass, grow }); }
    return places.get(name);
  };
  const classColour = (label) => (label < 0 ? palette.unknown : palette.classes[(probe.pictured?.[label] ?? label) % palette.classes.length]);
  const plain = view.colourBy === "domain" || view.colourBy === "run";
  const look = (index) => {
    const shape = probe.domains[index] ? "ring" : "disc";
    const category = categoryOf(film, view, frame, pair, index);
    switch (view.colourBy) {
      case "domain": return ["disc", category ? palette.target : palette.source, 0.66, 1];
      case "run": return [shape, view.runColour(panel), 0.7, 1];
      case "correctness":
        if (category === "wrong") return ["cross", palette.wrong, 0.95, 2]; // mistakes are what one looks for
        return [shape, category === "correct" ? palette.correct : palette.unknown, 0.8, 1];
      case "change":
        if (category === "gained") return [shape, palette.extractor, 0.95, 2];
        if (category === "lost") return ["cross", palette.wrong, 0.95, 2];
        return category === "moved" ? [shape, palette.label, 0.95, 2] : [shape, palette.unknown, 0.4, 1];
      default: return [shape, classColour(category), 0.8, 1];
    }
  };
  const styles = new Uint8Array(probe.count).fill(NO_STYLE);
  const anySelected = selected.size > 0;
  for (let index = 0; index < probe.count; index++) {
    if (isHidden(film, view, frame, pair, index)) continue;
    const [kind, colour, alpha, pass] = look(index);
    if (!anySelected) styles[index] = brush(kind, colour, alpha, pass);
    else if (selected.has(index)) styles[index] = brush(kind, colour, 1, 3, plain ? 1.45 : 1.3);
    else styles[index] = brush(kind, colour, FAINT, 0);
  }
  return { styles, brushes };
}
