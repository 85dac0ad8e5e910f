// What is drawn over and under the points of a panel: names of classes, descriptions, trails, neighbours, the lasso.
import { neighboursOf } from "./player_film.js";
import { otherTask, shownLabels } from "./player_styles.js";
import { contour } from "./player_surface.js";

const NO_STYLE = 255;
const STAR = 7;
const MOST_TRAILS = 60;
const MOST_NAMES = 40;
const CELL = 7; // pixels of a cell of the density's grid
const LEVELS = [0.12, 0.35, 0.65];
const MOST_DESCRIPTIONS = 3; // lines from a picture to the descriptions that stand first among its neighbours
const FAINT = 0.2;
const MOST_CONTOURS = 12;

export function createOverlay(context) {
  const hasPlace = (scene, index) => !Number.isNaN(scene.screen[2 * index]) && index * 2 < scene.screen.length;

  function circle(scene, index, radius) {
    context.beginPath();
    context.arc(scene.screen[2 * index], scene.screen[2 * index + 1], radius, 0, 7);
    context.stroke();
  }

  /** The way each selected point has come, up to the moment that is shown. */
  function trails(film, panel, scene, view) {
    const { selected, moment, palette } = view;
    if (!selected.size || selected.size > MOST_TRAILS) return;
    const frames = panel.frames.filter((frame) => frame.step <= moment.a && frame.dimensions === scene.dimensions);
    if (!frames.length) return;
    context.lineWidth = 1.4;
    for (const index of selected) {
      if (index >= film.probe.count || scene.styles[index] === NO_STYLE) continue;
      context.strokeStyle = film.probe.domains[index] ? palette.target : palette.source;
      const way = frames.map(({ points, dimensions: d }) => scene.project(points[d * index], points[d * index + 1], d === 3 ? points[d * index + 2] : 0));
      way.push([scene.screen[2 * index], scene.screen[2 * index + 1]]);
      for (let i = 1; i < way.length; i++) {
        if (Number.isNaN(way[i - 1][0]) || Number.isNaN(way[i][0])) continue;
        context.globalAlpha = 0.12 + 0.5 * (i / way.length); // the past fades
        context.beginPath();
        context.moveTo(way[i - 1][0], way[i - 1][1]);
        context.lineTo(way[i][0], way[i][1]);
        context.stroke();
      }
    }
    context.globalAlpha = 1;
  }

  /** Lines from the one chosen point to those nearest to it in the full feature space. */
  function neighbours(film, panel, scene, view) {
    const point = view.selected.size === 1 ? view.selected.values().next().value : null;
    if (point === null || !hasPlace(scene, point)) return;
    const found = neighboursOf(panel, point, scene.frame.step);
    if (!found) return;
    context.strokeStyle = view.palette.ink;
    const stars = new Set(descriptionsNear(film, panel, scene, view));
    for (const other of found.points) {
      if (!hasPlace(scene, other) || (film.probe.described?.[other] && !stars.has(other))) continue;
      context.globalAlpha = stars.has(other) ? 0.85 : stars.size ? 0 : 0.45;
      context.lineWidth = stars.has(other) ? 1.8 : 1;
      context.beginPath();
      context.moveTo(scene.screen[2 * point], scene.screen[2 * point + 1]);
      context.lineTo(scene.screen[2 * other], scene.screen[2 * other + 1]);
      context.stroke();
      context.globalAlpha = stars.size ? 0.4 : 0.9;
      if (!stars.has(other)) circle(scene, other, 5);
    }
    context.globalAlpha = 1;
  }

  /** The middle of each class, of each domain by itself, with its name; names that would cover another are left out. */
  function names(film, scene, view, size, near) {
    const { probe } = film;
    const { palette } = view;
    const { labels, classNames } = shownLabels(probe, view.colourBy);
    const sums = new Map();
    for (let index = 0; index < probe.count; index++) {
      if (scene.styles[index] === NO_STYLE || !hasPlace(scene, index) || labels[index] < 0) continue;
      if (probe.described && (!probe.described[index] || (near.length && !near.includes(index)))) continue;
      const key = 2 * labels[index] + probe.domains[index];
      if (!sums.has(key)) sums.set(key, [0, 0, 0]);
      const sum = sums.get(key);
      sum[0] += scene.screen[2 * index]; sum[1] += scene.screen[2 * index + 1]; sum[2] += 1;
    }
    const font = view.lecture ? 22 : 13;
    context.font = `600 ${font}px ${view.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const taken = [];
    // Of descriptions, those of classes that were never shown first: it is these one looks for.
    const rank = ([key, sum]) => (probe.described ? key & 1 : sum[2]);
    const largest = [...sums].sort((a, b) => rank(b) - rank(a) || a[0] - b[0]).slice(0, MOST_NAMES);
    const above = probe.described ? STAR + font / 2 + 5 : 0;
    for (const [key, [x, y, count]] of largest) {
      const label = key >> 1, target = key & 1;
      const of = probe.pictured?.[label] ?? label;
      const name = shorten(classNames[of] ?? String(of));
      const width = context.measureText(name).width + 12, height = font + 7;
      const left = Math.min(size.width - width - 2, Math.max(2, x / count - width / 2));
      const top = Math.min(size.height - height - 2, Math.max(2, y / count - above - height / 2));
      if (taken.some((box) => left < box[0] + box[2] && box[0] < left + width && top < box[1] + box[3] && box[1] < top + height)) continue;
      taken.push([left, top, width, height]);
      const byDomain = view.colourBy === "domain";
      const colour = byDomain ? (target ? palette.target : palette.source) : palette.classes[of % palette.classes.length];
      context.globalAlpha = 0.92;
      context.fillStyle = palette.card;
      context.beginPath();
      context.roundRect(left, top, width, height, height / 2);
      context.fill();
      context.strokeStyle = colour;
      context.lineWidth = target ? 1.4 : 2.6;
      context.stroke();
      context.globalAlpha = 1;
      context.fillStyle = palette.ink;
      context.fillText(name, left + width / 2, top + height / 2 + 0.5);
    }
  }

  /** The descriptions among the neighbours of the one chosen picture, in their order there. */
  function descriptionsNear(film, panel, scene, view) {
    const point = view.selected.size === 1 ? view.selected.values().next().value : null;
    if (point === null || !film.probe.described) return [];
    const found = neighboursOf(panel, point, scene.frame.step);
    return (found?.points ?? []).filter((other) => film.probe.described[other]).slice(0, MOST_DESCRIPTIONS);
  }

  /** Descriptions of classes: stars, those of classes that were never shown over the others. */
  function stars({ probe }, scene, view, near) {
    const { palette, selected } = view;
    context.strokeStyle = palette.card;
    context.lineWidth = 1.2;
    for (const unseen of [0, 1]) {
      const radius = STAR * (unseen ? 1 : 0.7) * (view.lecture ? 1.5 : 1);
      for (let index = 0; index < probe.count; index++) {
        if (!probe.described[index] || probe.domains[index] !== unseen) continue;
        if (scene.styles[index] === NO_STYLE || !hasPlace(scene, index)) continue;
        const of = probe.pictured[probe.labels[index]];
        const coloured = view.colourBy === "class" || view.colourBy === "prediction";
        context.globalAlpha = !selected.size || selected.has(index) || near.includes(index) ? 1 : FAINT;
        context.fillStyle = coloured ? palette.classes[of % palette.classes.length] : unseen ? palette.target : palette.source;
        context.beginPath();
        for (let corner = 0; corner < 10; corner++) {
          const reach = corner % 2 ? radius * 0.45 : radius, turn = (corner * Math.PI) / 5;
          context.lineTo(scene.screen[2 * index] + reach * Math.sin(turn), scene.screen[2 * index + 1] - reach * Math.cos(turn));
        }
        context.closePath();
        context.fill();
        context.stroke();
      }
    }
    context.globalAlpha = 1;
  }

  const shorten = (name) => (name.length > 18 ? `${name.slice(0, 17)}…` : name);

  function lasso(line, palette) {
    context.beginPath();
    line.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
    context.globalAlpha = 0.1;
    context.fillStyle = context.strokeStyle = palette.ink;
    context.fill();
    context.globalAlpha = 0.9;
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  return {
    draw(film, panel, scene, view, size) {
      const { palette, highlight } = view;
      trails(film, panel, scene, view);
      neighbours(film, panel, scene, view);
      const near = descriptionsNear(film, panel, scene, view);
      if (film.probe.described) stars(film, scene, view, near);
      if (view.names || near.length) names(film, scene, view, size, near);
      if (highlight !== null && highlight < film.probe.count && hasPlace(scene, highlight) && scene.styles[highlight] !== NO_STYLE) {
        const domain = film.probe.domains[highlight];
        const [x, y] = [scene.screen[2 * highlight], scene.screen[2 * highlight + 1]];
        context.fillStyle = domain ? palette.target : palette.source;
        context.beginPath();
        context.arc(x, y, 4.5, 0, 7);
        context.fill();
        context.strokeStyle = palette.ink;
        context.lineWidth = 2;
        circle(scene, highlight, 7);
      }
      if (scene.lasso?.length > 1) lasso(scene.lasso, palette);
    },

    /** Lines of equal density: of each class where classes are coloured, else of each domain. */
    contours(film, scene, view, size) {
      const { probe } = film;
      const { palette } = view;
      const columns = Math.ceil(size.width / CELL) + 1, rows = Math.ceil(size.height / CELL) + 1;
      const byClass = view.colourBy === "class" || otherTask(probe, view.colourBy) !== null;
      const { labels } = shownLabels(probe, view.colourBy);
      const groups = new Map();
      for (let index = 0; index < probe.count; index++) {
        if (scene.styles[index] === NO_STYLE) continue;
        const column = Math.floor(scene.screen[2 * index] / CELL), row = Math.floor(scene.screen[2 * index + 1] / CELL);
        if (!(column >= 0 && row >= 0 && column < columns && row < rows)) continue;
        const group = byClass ? labels[index] : probe.domains[index];
        if (!groups.has(group)) groups.set(group, new Float32Array(columns * rows));
        groups.get(group)[row * columns + column] += 1;
      }
      for (const [group, counts] of [...groups].sort((a, b) => a[0] - b[0]).slice(0, MOST_CONTOURS)) {
        const values = blurred(counts, columns, rows);
        const most = values.reduce((a, b) => Math.max(a, b), 0);
        if (!most) continue;
        const colour = byClass ? palette.classes[Math.max(0, group) % palette.classes.length] : group ? palette.target : palette.source;
        context.strokeStyle = context.fillStyle = colour;
        context.lineWidth = 1.2;
        for (const level of byClass ? [0.3] : LEVELS) {
          context.globalAlpha = 0.35 + 0.5 * level;
          context.beginPath();
          for (const chain of contour({ values, width: columns, height: rows }, level * most)) {
            chain.forEach(([x, y], index) => (index ? context.lineTo(x * CELL + CELL / 2, y * CELL + CELL / 2) : context.moveTo(x * CELL + CELL / 2, y * CELL + CELL / 2)));
          }
          context.stroke();
        }
      }
      context.globalAlpha = 1;
    },
  };
}

/** Three box blurs are nearly a Gaussian. */
function blurred(counts, columns, rows) {
  let from = counts, to = new Float32Array(counts.length);
  const reach = 2;
  const pass = (length, lines, step, jump) => {
    for (let line = 0; line < lines; line++) {
      let sum = 0;
      const start = line * jump;
      for (let i = -reach; i < length; i++) {
        if (i + reach < length) sum += from[start + (i + reach) * step];
        if (i - reach - 1 >= 0) sum -= from[start + (i - reach - 1) * step];
        if (i >= 0) to[start + i * step] = sum / (2 * reach + 1);
      }
    }
    [from, to] = [to, from];
  };
  for (let i = 0; i < 3; i++) { pass(columns, rows, 1, columns); pass(rows, columns, columns, 1); }
  return from;
}

