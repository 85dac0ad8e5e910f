// What moved on the page since it was drawn: each chart finds its own by its key. See ui/feed.py.
export default function ({ data }) {
  window.dispatchEvent(new CustomEvent("tl-feed", { detail: data.charts }));
}
