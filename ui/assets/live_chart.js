// A Plotly figure updated in place. See ui/live_chart.py for why.
import { applyPalette, element, instanceFor } from "../transfer-learning-lab.player/shared.js";

const COMPONENTS = new URL("../", import.meta.url);
const NEAR = "300px"; // above and below what is seen: so far ahead of being scrolled to a chart is drawn
const SETTLED = 150; // ms after which a chart that came near stays there: while a page is built, all begin at its top
const NARROW = 560; // pixels of width below which a legend has more lines than there is room for
const LEGEND_SHARE = 0.25; // of the chart's height: what a legend takes beyond that is added to it
let loading = null;

/** One Plotly for the page. `force-cache` keeps its 4 MB from travelling again at every reload; the address carries
 *  the version, so a new Plotly is a new address. */
function loadPlotly(path) {
  loading ??= (async () => {
    const response = await fetch(new URL(path, COMPONENTS), { cache: "force-cache" });
    if (!response.ok) throw new Error(`plotly.min.js: ${response.status}`);
    const address = URL.createObjectURL(new Blob([await response.blob()], { type: "text/javascript" }));
    await new Promise((resolve, reject) => {
      const script = element("script", { src: address });
      script.onload = resolve;
      script.onerror = () => reject(new Error("plotly.min.js could not be read"));
      document.head.append(script);
    });
    URL.revokeObjectURL(address);
    return globalThis.Plotly;
  })();
  loading.catch(() => { loading = null; });
  return loading;
}

/** Figures are built in the light colours: on a dark page each becomes its twin. */
function twins(palette) {
  const pairs = new Map();
  for (const [name, value] of Object.entries(palette.light)) {
    const dark = palette.dark[name];
    if (Array.isArray(value)) value.forEach((colour, index) => pairs.set(colour, dark[index]));
    else if (!pairs.has(value)) pairs.set(value, dark);
  }
  return pairs;
}

function recolour(value, pairs) {
  if (typeof value === "string") return pairs.get(value.toLowerCase()) ?? value;
  if (Array.isArray(value)) return value.map((item) => recolour(item, pairs));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, recolour(item, pairs)]));
  }
  return value;
}

/** grown: pixels by which the chart is higher than it was asked to be. */
function styled(data, root, grown) {
  const palette = applyPalette(root, data.palette);
  const pairs = root.dataset.scheme === "dark" ? twins(data.palette) : new Map();
  const figure = recolour(data.figure, pairs);
  const layout = figure.layout ?? {};
  layout.uirevision ??= data.uirevision;
  layout.autosize = true;
  layout.height = data.chart_height + grown;
  if (root.clientWidth < NARROW) layout.legend = { ...layout.legend, maxheight: 1000 }; // instead of half the chart
  delete layout.width;
  layout.paper_bgcolor ??= "rgba(0,0,0,0)";
  layout.plot_bgcolor ??= "rgba(0,0,0,0)";
  layout.font = { color: palette.soft, ...layout.font, family: getComputedStyle(root).fontFamily };
  layout.modebar ??= { bgcolor: "rgba(0,0,0,0)", color: palette.soft, activecolor: palette.ink };
  for (const name of Object.keys(layout).concat("xaxis", "yaxis")) {
    if (!/^[xy]axis\d*$/.test(name)) continue;
    layout[name] = { gridcolor: palette.line, linecolor: palette.line, zerolinecolor: palette.line, ...layout[name] };
  }
  return [figure.data ?? [], layout];
}

function createChart(parent) {
  const plot = element("div", { class: "tl-plot" });
  const wait = element("div", { class: "tl-wait" }, "Drawing…");
  const root = element("div", { class: "tl-live-chart", role: "figure" }, plot, wait);
  parent.append(root);
  let given = null;
  let latest = null;
  let Plotly = null;
  let drawing = false;
  let near = false;
  let settling = null;
  let draws = 0;
  let drawn = "";
  let grown = 0;

  // Of many updates that come while one is drawn, only the last is drawn; and while nobody can see it, none: Plotly alone
  // takes some 0.6 s to be read, each chart of a page that is opened 0.1 s, and the film stands still for as long.
  async function draw() {
    if (drawing || !near) return;
    drawing = true;
    try {
      Plotly ??= await loadPlotly(latest.plotly);
      while (latest && near) {
        const data = latest;
        latest = null;
        const [traces, layout] = styled(data, root, grown);
        await Plotly.react(plot, traces, layout, {
          displaylogo: false, responsive: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
        });
        await makeRoom();
        listen(data.cells, data.clickable);
        wait.remove();
        root.dataset.draws = String(++draws);
      }
    } catch (error) {
      wait.textContent = `This chart could not be drawn: ${error.message}`;
      root.append(wait);
    } finally {
      drawing = false;
    }
  }

  /** In a narrow window a legend of many lines would leave nothing for the curves: the chart grows by what is too much. */
  async function makeRoom() {
    const box = root.clientWidth < NARROW ? plot.querySelector("g.legend rect.bg") : null;
    const legend = box ? box.getBoundingClientRect().height : 0;
    const wanted = Math.max(0, Math.round(legend - LEGEND_SHARE * given.chart_height));
    if (wanted === grown) return;
    grown = wanted;
    root.style.height = `${given.chart_height + grown}px`;
    await Plotly.Plots.resize(plot); // to what it stands in: a height of its own would fix its width too
  }

  /** A click on a cell of a confusion matrix asks the player for the points that stand in it; a click on a point that
   *  stands for something (its `customdata`) tells the page. */
  let cells = null;
  let listening = false;
  const link = {};
  function listen(wanted, clickable) {
    cells = wanted ?? null;
    plot.classList.toggle("tl-clickable", Boolean(cells || clickable));
    if (listening || !(wanted || clickable)) return;
    listening = true;
    plot.on("plotly_click", ({ points: [point] }) => {
      if (cells) {
        const [label, predicted] = point.pointIndex ?? point.pointNumber;
        window.dispatchEvent(new CustomEvent("tl:select-cell", { detail: { ...cells, label, predicted } }));
      } else if (point.customdata != null) link.setTriggerValue?.("point", point.customdata);
    });
  }

  let width = 0;
  const observer = new ResizeObserver(() => {
    if (!Plotly || Math.abs(root.clientWidth - width) < 1 || !root.clientWidth || !plot.data) return;
    width = root.clientWidth;
    Promise.resolve(Plotly.Plots.resize(plot)).then(makeRoom);
  });
  observer.observe(root);

  const nearness = new IntersectionObserver((looks) => {
    clearTimeout(settling);
    if (!looks.at(-1).isIntersecting) near = false;
    else settling = setTimeout(() => { near = true; if (latest) draw(); }, SETTLED);
  }, { rootMargin: NEAR, scrollMargin: NEAR });
  nearness.observe(root);

  /** What `feed.js` brings: the figure alone; everything else stays as the page gave it. */
  const onFeed = ({ detail }) => {
    if (given && detail.chart === given.uirevision) chart.update({ ...given, figure: detail.figure });
  };
  window.addEventListener("tl-feed", onFeed);

  const chart = {
    link,
    update(data) {
      given = data;
      root.style.height = `${data.chart_height + grown}px`;
      if (data.description) root.setAttribute("aria-label", data.description);
      applyPalette(root, data.palette);
      // Most updates of a page that looks often bring what is there already: drawn again, it would swallow a click.
      const shown = JSON.stringify([data.figure, data.chart_height, data.uirevision, root.dataset.scheme]);
      if (shown === drawn && plot.data) {
        listen(data.cells, data.clickable);
        return;
      }
      drawn = shown;
      latest = data;
      draw();
    },
    destroy() {
      observer.disconnect();
      nearness.disconnect();
      clearTimeout(settling);
      window.removeEventListener("tl-feed", onFeed);
      if (Plotly && plot.data) Plotly.purge(plot);
    },
  };
  return chart;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const [chart, cleanUp] = instanceFor(parentElement, () => createChart(parentElement));
  chart.link.setTriggerValue = setTriggerValue; // the latest: an older call's would speak for a page that is gone
  chart.update(data);
  return cleanUp;
}
