// Shows /api/state, once a second.

const REFRESH_MS = 1000;
/** Rows shown per table; a replay has thousands. */
const ROWS_MAX = 50;

const at = (id) => document.getElementById(id);

/** An element with text or children. Text from outside goes in as text, never as HTML. */
function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

function row(cells, blocked) {
  const made = element("tr", ...cells.map((cell) => element("td", cell)));
  made.classList.toggle("blocked", blocked);
  return made;
}

const rest = (until, now) => (until === null || until <= now ? "" : `${Math.ceil((until - now) / 1000)} s`);

function popCard(pop, now) {
  const keys = pop.keys.toSorted((a, b) => b.used - a.used).slice(0, ROWS_MAX);
  const link = element("a", pop.url);
  link.href = pop.url;
  const head = row(["Client", "Used", "Credit", "Blocked for"], false);
  const rows = keys.map(({ key, used, credit, blockedUntil }) =>
    row([key, used, credit, rest(blockedUntil, now)], rest(blockedUntil, now) !== ""),
  );
  return element(
    "article",
    element("h3", pop.name, " ", element("small", link)),
    element("p", pop.keys.length === 1 ? "1 client" : `${pop.keys.length} clients`),
    ...(rows.length === 0 ? [] : [element("table", head, ...rows)]),
  );
}

function ownerRow(owner, now) {
  const wait = rest(owner.blockedUntil, now);
  const count = `${owner.count} of ${owner.limit}`;
  return row([owner.rule, owner.key, count, owner.claimedBy, owner.sources, owner.epoch, wait], wait !== "");
}

function show({ now, pops, owners, announcements }) {
  at("pops").replaceChildren(...pops.map((pop) => popCard(pop, now)));
  const busiest = owners.toSorted((a, b) => b.count - a.count).slice(0, ROWS_MAX);
  at("owners").replaceChildren(...busiest.map((owner) => ownerRow(owner, now)));
  at("no-owners").hidden = owners.length > 0;
  at("announcements").textContent = `${owners.length}, announcements so far: ${announcements}`;
  at("status").textContent = `as of ${new Date(now).toLocaleTimeString()}`;
}

async function refresh() {
  try {
    const response = await fetch("/api/state");
    if (!response.ok) throw new Error(`the API answered ${response.status}`);
    show(await response.json());
  } catch (error) {
    at("status").textContent = `no news: ${error.message}`;
  }
  setTimeout(refresh, REFRESH_MS);
}

refresh();
