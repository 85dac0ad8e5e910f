// How far the picture can be trusted: measured, and what a picture of this kind does not mean.
import { element } from "./shared.js";

const MEANING = {
  umap: "UMAP keeps neighbours together. How large a cloud is, and how far two clouds lie apart, means little: look at which points mix.",
  pca: "PCA is a plain shadow of the feature space along its two widest directions: distances are true in it, but much lies behind.",
  input: "These are the data themselves, in the plane: nothing is lost.",
};
const WORDS = [
  ["trustworthiness", "Trustworthiness", "1 if all neighbours in the picture are neighbours among the features"],
  ["neighbour_preservation", "Neighbours kept", "the share of each point's 15 nearest features that are its nearest in the picture too"],
  ["displacement", "Unrest", "how far points whose features hardly changed move from frame to frame, as a share of the cloud's size"],
];

export function createInfo() {
  const content = element("div");
  const node = element("div", { class: "info", hidden: true, role: "region", "aria-label": "How far the picture can be trusted" }, content);
  let shown = "";
  return {
    node,
    toggle() { node.hidden = !node.hidden; return !node.hidden; },
    refresh(film, projection) {
      const kind = (projection ?? "").replace("-3d", "");
      const key = JSON.stringify([kind, film.panels.map((panel) => [panel.title, panel.quality])]);
      if (key === shown) return;
      shown = key;
      const measured = film.panels.filter((panel) => panel.quality && Object.keys(panel.quality).length);
      const rows = WORDS.filter(([name]) => measured.some((panel) => Number.isFinite(panel.quality[name]))).map(([name, title, words]) => element("tr", {},
        element("th", { title: words }, title), ...measured.map((panel) => element("td", {}, Number.isFinite(panel.quality[name]) ? panel.quality[name].toFixed(3) : "–")), element("td", { class: "words" }, words)));
      const table = rows.length
        ? element("div", { class: "scroll" }, element("table", {}, element("tr", {}, element("th"), ...measured.map((panel) => element("th", {}, panel.title)), element("th")), ...rows))
        : element("p", {}, kind === "input" ? "" : "Measured when the run has ended and its whole film has been laid out.");
      content.replaceChildren(element("p", {}, MEANING[kind] ?? ""), table);
    },
  };
}
