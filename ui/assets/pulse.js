// A sign of life of a view that refreshes itself, with how far its runs are. What it means: connection.js.
export default function ({ data }) {
  document.dispatchEvent(new CustomEvent("tl-pulse", { detail: data }));
}
