// Keeps the pass of a visitor in a cookie of this site, so that a reload finds the same visitor. See ui/visitor.py.
const YEAR_SECONDS = 365 * 24 * 3600;

function present(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? found.slice(name.length + 1) : null;
}

export default function ({ data, setTriggerValue }) {
  const kept = present(data.name);
  if (kept === data.pass) return;
  // Another tab was faster, or the cookie did not travel with the connection: the server checks what it is told.
  if (kept && kept !== data.refused) {
    setTriggerValue("brought", kept);
    return;
  }
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${data.name}=${data.pass}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax${secure}`;
}
